using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>The answer that an unmodified KubeVirt needs (contracts/kubevirt.md, 2 to 8).</summary>
public sealed class AllocateAnswerTests
{
    private static readonly ResourceName Resource = ResourceName.Parse("nvidia.com/GRID_T4-1Q.x");

    [Fact]
    public void The_env_is_the_resource_name_in_upper_case_with_dots_and_slashes_turned()
    {
        var answer = AllocateAnswer.Compose(Resource, [Units.Of("0000:43:00.0").In(Units.State(12))], null);

        Assert.Equal(["HOSTDEV_NVIDIA_COM_GRID_T4-1Q_X_INFO", "PCI_RESOURCE_NVIDIA_COM_GRID_T4-1Q_X"], answer.Envs.Keys);
        Assert.Equal("0000:43:00.0", answer.Envs["PCI_RESOURCE_NVIDIA_COM_GRID_T4-1Q_X"]);
    }

    [Fact]
    public void Addresses_are_ordered_whatever_order_the_kubelet_gives()
    {
        var units = new[]
        {
            Units.Of("0000:c1:00.0").In(Units.State(3)),
            Units.Of("0000:43:00.0").In(Units.State(12)),
            Units.Of("10000:01:00.0").In(Units.State(7)),
        };
        var forth = AllocateAnswer.Compose(Resource, units, null);
        Array.Reverse(units);
        var back = AllocateAnswer.Compose(Resource, units, null);

        Assert.Equal("0000:43:00.0,0000:c1:00.0,10000:01:00.0", forth.Envs["PCI_RESOURCE_NVIDIA_COM_GRID_T4-1Q_X"]);
        Assert.Equal(["/dev/vfio/vfio", "/dev/vfio/12", "/dev/vfio/3", "/dev/vfio/7"], forth.Nodes.Select(n => n.Path));
        Assert.Equal(forth.Nodes, back.Nodes);
        Assert.Equal(forth.Envs, back.Envs);
    }

    [Fact]
    public void A_unit_of_several_functions_gives_its_primary_alone()
    {
        var both = Units.Of("0000:43:00.0", "0000:43:00.1");
        var answer = AllocateAnswer.Compose(Resource, [both.In(Units.State(12)), Units.Of("0000:c1:00.0").In(Units.State(3))], null);

        Assert.Equal("0000:43:00.0,0000:c1:00.0", answer.Envs["PCI_RESOURCE_NVIDIA_COM_GRID_T4-1Q_X"]);
    }

    [Fact]
    public void One_prefix_only_so_that_KubeVirt_s_count_is_right() =>
        Assert.Single(
            AllocateAnswer.Compose(Resource, [Units.Of("0000:43:00.0", "0000:43:00.1").In(Units.State(12))], null).Envs.Keys,
            k => k.Contains("PCI_RESOURCE", StringComparison.Ordinal)
        );

    [Fact]
    public void Nodes_are_exact_and_may_be_used_fully()
    {
        var answer = AllocateAnswer.Compose(Resource, [Units.Of("0000:43:00.0").In(Units.State(12))], null);

        Assert.Equal([new DeviceNode("/dev/vfio/vfio", "mrw"), new DeviceNode("/dev/vfio/12", "mrw")], answer.Nodes);
    }

    [Fact]
    public void Cdev_nodes_are_given_only_where_the_host_has_them_and_the_policy_wants_them()
    {
        var unit = Units.Of("0000:43:00.0", "0000:43:00.1");
        var state = Units.State(12) with
        {
            Cdevs = ImmutableSortedDictionary<PciAddress, string>.Empty.Add(PciAddress.Parse("0000:43:00.0"), "vfio4"),
        };

        Assert.Equal(
            ["/dev/vfio/vfio", "/dev/vfio/12", "/dev/vfio/devices/vfio4"],
            AllocateAnswer.Compose(Resource, [unit.In(state)], null).Nodes.Select(n => n.Path)
        );
        var legacy = unit with { Handout = unit.Group with { IommuBackend = IommuBackend.Legacy } };
        Assert.Equal(
            ["/dev/vfio/vfio", "/dev/vfio/12"],
            AllocateAnswer.Compose(Resource, [legacy.In(state)], null).Nodes.Select(n => n.Path)
        );
    }

    [Fact]
    public void The_cdev_of_a_held_function_is_kept_from_the_VM()
    {
        var group = Units.Of("0000:43:00.0").Group with { Held = [new(PciAddress.Parse("0000:43:00.1"), "vfio-pci")] };
        var state = Units.State(12) with
        {
            Cdevs = ImmutableSortedDictionary<PciAddress, string>.Empty.Add(PciAddress.Parse("0000:43:00.1"), "vfio5"),
        };

        Assert.Equal(["/dev/vfio/12"], state.Stand(group).Nodes);
    }
}
