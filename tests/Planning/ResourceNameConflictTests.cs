using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class ResourceNameConflictTests
{
    [Fact]
    public void One_name_for_two_kinds_of_device_blocks_the_later_policy()
    {
        var usb = Given.HostDevice(
            "sticks",
            spec: s =>
                s with
                {
                    ResourceName = ResourceName.Parse("example.com/gpus"),
                    Devices = new DeviceSource { Usb = new UsbDevices { Selectors = [new UsbSelector { Serial = "1" }] } },
                }
        );
        var plan = Given.Input(new Machine().Gpu(), usb, Given.HostDevice(year: 2020)).Plan();

        Assert.Equal("HostDevice/gpus", Assert.Single(plan.Units).Policy.ToString());
        plan.Says(
            "HostDevice/sticks",
            FindingState.Blocked,
            Reasons.ResourceNameConflict,
            "HostDevice/sticks uses example.com/gpus for usb devices but HostDevice/gpus uses it for pci devices: a "
                + "resource name has one kind of device; use another name"
        );
    }

    [Fact]
    public void Names_that_KubeVirt_cannot_tell_apart_block_the_later_policy()
    {
        var first = Given.HostDevice("a", spec: s => s with { ResourceName = ResourceName.Parse("example.com/gpu.big") }, year: 2020);
        var second = Given.HostDevice(
            "b",
            new PciSelector { Class = PciClass.Parse("02") },
            spec: s => s with { ResourceName = ResourceName.Parse("example.com/GPU_big") },
            year: 2021
        );
        var plan = Given
            .Input(new Machine().Gpu().Function("0000:50:00.0", 30, "e1000e", "8086:10d3", classCode: 0x020000), first, second)
            .Plan();

        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        plan.Says(
            "HostDevice/b",
            FindingState.Blocked,
            Reasons.ResourceNameConflict,
            "HostDevice/b uses example.com/GPU_big, which KubeVirt cannot tell from example.com/gpu.big of "
                + "HostDevice/a (both become EXAMPLE_COM_GPU_BIG): use another name"
        );
    }

    [Fact]
    public void Policies_of_one_kind_of_device_share_a_name()
    {
        var machine = new Machine().Gpu().PhysicalFunction(vfs: 1, vfDriver: "igbvf");
        var pool = Given.Pool("any", 0, 0) with { ResourceName = ResourceName.Parse("example.com/gpus") };
        var plan = Given.Input(machine, Given.HostDevice(), Given.Sriov(null, pools: [pool])).Plan();

        Assert.Equal(["0000:41:10.0", "0000:43:00.0"], plan.UnitIds());
        Assert.Equal(["example.com/gpus"], plan.Resources.Select(r => r.Value));
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void Two_pools_of_one_policy_collide_like_two_policies()
    {
        var pools = new[]
        {
            Given.Pool("a", 0, 0) with
            {
                ResourceName = ResourceName.Parse("example.com/vf.x"),
            },
            Given.Pool("b", 1, 1) with
            {
                ResourceName = ResourceName.Parse("example.com/vf_x"),
            },
        };
        var plan = Given.Input(new Machine().PhysicalFunction(), Given.Sriov(2, pools: [.. pools])).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(Reasons.ResourceNameConflict, plan.About("SriovPolicy/nics").Reason);
    }

    [Fact]
    public void A_name_without_a_device_is_listed_all_the_same() =>
        Assert.Equal(["example.com/gpus"], Given.Input(new Machine(), Given.HostDevice()).Plan().Resources.Select(r => r.Value));
}
