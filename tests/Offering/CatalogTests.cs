using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Offering;

public sealed class UnitReadinessTests
{
    private static readonly Unit Gpu = Units.Of("0000:43:00.0");

    private static string? Problem(GroupState state) => state.Stand(Gpu.Group).Problem;

    [Theory]
    [InlineData("vfio-pci")]
    [InlineData("pci-stub")]
    [InlineData(null)]
    public void A_unit_on_its_driver_whose_group_is_viable_is_ready(string? sibling) =>
        Assert.Null(Problem(Units.State(12, ("0000:43:00.0", "vfio-pci"), ("0000:43:00.1", sibling))));

    [Fact]
    public void Without_a_group_it_is_said() => Assert.Equal("0000:43:00.0 has no IOMMU group any more", Problem(Units.State(null)));

    [Fact]
    public void A_function_that_is_gone_is_said_to_be() => Assert.Equal("0000:43:00.0 is gone", Problem(Units.State(12)));

    [Theory]
    [InlineData(null, "0000:43:00.0 is without a driver instead of vfio-pci")]
    [InlineData("nouveau", "0000:43:00.0 is on the driver nouveau instead of vfio-pci")]
    [InlineData("mlx5_vfio_pci", "0000:43:00.0 is on the driver mlx5_vfio_pci instead of vfio-pci")]
    public void A_wrong_driver_is_named(string? driver, string message) =>
        Assert.Equal(message, Problem(Units.State(12, ("0000:43:00.0", driver))));

    [Fact]
    public void A_sibling_on_a_host_driver_makes_VFIO_refuse_the_group() =>
        Assert.Equal(
            "0000:43:00.1 shares group 12 and is on the driver snd_hda_intel, with which VFIO refuses the group",
            Problem(Units.State(12, ("0000:43:00.0", "vfio-pci"), ("0000:43:00.1", "snd_hda_intel")))
        );

    [Fact]
    public void A_bridge_that_VFIO_refuses_is_passed_on() =>
        Assert.Equal(
            "the bridge is bad",
            Problem(Units.State(12, ("0000:43:00.0", "vfio-pci")) with { UnsafeBridge = "the bridge is bad" })
        );
}

public sealed class CatalogTests
{
    private static readonly ImmutableDictionary<string, OfferProblem> Nothing = ImmutableDictionary<string, OfferProblem>.Empty;

    [Fact]
    public void Units_are_offered_once_the_machine_shows_them_ready()
    {
        var before = new Machine().Gpu().Build();
        var after = new Machine().Gpu(driver: "vfio-pci").Build();
        var plan = Given.Input(before, Given.HostDevice()).Plan();

        Assert.Equal(
            [new AdvertisedDevice("0000:43:00.0", false, null)],
            Assert.Single(Catalog.Build(plan, before, Nothing).Resources).Devices
        );
        Assert.Equal(
            [new AdvertisedDevice("0000:43:00.0", true, null)],
            Assert.Single(Catalog.Build(plan, after, Nothing).Resources).Devices
        );
    }

    [Fact]
    public void A_resource_without_devices_is_there_with_none()
    {
        var machine = new Machine().Build();
        var resource = Assert.Single(Catalog.Build(Given.Input(machine, Given.HostDevice()).Plan(), machine, Nothing).Resources);

        Assert.Equal(("example.com/gpus", 0), (resource.Name.Value, resource.Devices.Length));
    }

    [Fact]
    public void Resources_and_their_devices_are_ordered()
    {
        var machine = new Machine()
            .Gpu("0000:c3:00.0", 13, "vfio-pci")
            .Gpu(driver: "vfio-pci")
            .PhysicalFunction(vfs: 1, vfDriver: "vfio-pci")
            .Build();
        var catalog = Catalog.Build(Given.Input(machine, Given.Sriov(null), Given.HostDevice()).Plan(), machine, Nothing);

        Assert.Equal(["example.com/gpus", "example.com/vf-all"], catalog.Resources.Select(r => r.Name.Value));
        Assert.Equal(["0000:43:00.0", "0000:c3:00.0"], catalog.Resources[0].Devices.Select(d => d.Id));
    }

    [Fact]
    public void A_refused_unit_says_why()
    {
        var machine = new Machine().Gpu(driver: "vfio-pci").Build();
        var catalog = Catalog.Build(
            Given.Input(machine, Given.HostDevice()).Plan(),
            machine,
            Nothing.Add("0000:43:00.0", new OfferProblem(Reasons.NodeOwner, "its node is missing"))
        );

        Assert.Equal("its node is missing", catalog.Units["0000:43:00.0"].Problem?.Message);
        Assert.False(catalog.Resources[0].Devices[0].Healthy);
    }

    [Fact]
    public void A_cordoned_unit_says_so_and_one_that_is_not_ready_says_that_first()
    {
        var ready = new Machine().Gpu(driver: "vfio-pci").Build();
        var plan = Given.Input(ready, Given.HostDevice()).Plan();
        var cordoned = plan with { Units = [plan.Units[0] with { Cordoned = true }] };

        Assert.Equal(
            "0000:43:00.0 is cordoned: its policy is about to change it",
            Catalog.Build(cordoned, ready, Nothing).Units["0000:43:00.0"].Problem?.Message
        );
        Assert.StartsWith(
            "0000:43:00.0 is on the driver nouveau",
            Catalog.Build(cordoned, new Machine().Gpu(), Nothing).Units["0000:43:00.0"].Problem?.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Place_comes_from_the_primary()
    {
        var machine = new Machine()
            .Gpu(driver: "vfio-pci")
            .Change("0000:43:00.0", f => f with { NumaNode = 1, Path = [PciAddress.Parse("0000:40:01.0")] })
            .Build();
        var unit = Catalog.Build(Given.Input(machine, Given.HostDevice()).Plan(), machine, Nothing).Units["0000:43:00.0"];

        Assert.Equal((1, "0000:40:01.0"), (unit.Place.NumaNode, unit.Place.Path[0].ToString()));
    }

    [Fact]
    public void The_state_of_a_group_leaves_bridges_out_and_shows_cdevs_only_where_there_is_a_node()
    {
        var machine = new Machine()
            .Bridge("0000:40:01.0", 12)
            .Gpu(driver: "vfio-pci")
            .Audio(driver: "vfio-pci")
            .Change("0000:43:00.0", f => f with { VfioCdev = "vfio0", HasVfioCdevNode = true })
            .Change("0000:43:00.1", f => f with { VfioCdev = "vfio1", HasVfioCdevNode = false });
        var state = GroupState.Of(PciAddress.Parse("0000:43:00.0"), machine);

        Assert.Equal(["0000:43:00.0", "0000:43:00.1"], state.Members.Keys.Select(a => a.ToString()));
        Assert.Equal(["vfio0"], state.Cdevs.Values);
        Assert.Null(GroupState.Of(PciAddress.Parse("0000:99:00.0"), machine).Group);
    }
}
