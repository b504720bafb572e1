using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Commands;

/// <summary>The column USE of <c>inventory</c>: who has a device, the nearest answer first.</summary>
public sealed class DeviceUsesTests
{
    private const string Gpu = "0000:43:00.0";
    private const string Audio = "0000:43:00.1";

    [Fact]
    public void A_device_that_nobody_has_is_free_and_a_bridge_is_not_asked_about()
    {
        var machine = new Machine().Gpu().Bridge("0000:42:00.0", 11);
        var uses = DeviceUses.Of(machine, HostUsage.Nobody, Plan.Nothing);
        Assert.Equal("free", Assert.Single(uses, u => u.Key == (DeviceId)PciAddress.Parse(Gpu)).Value);
        Assert.Single(uses);
    }

    [Fact]
    public void What_the_host_does_with_it_is_said_and_how_much_more()
    {
        var mount = (Gpu, UserKind.Mount, "sda1 is mounted at /");
        Assert.Equal("host: sda1 is mounted at /", Use(Gpu, Plan.Nothing, mount));
        Assert.Equal("host: sda1 is mounted at /, and 1 more", Use(Gpu, Plan.Nothing, mount, (Gpu, UserKind.Swap, "sda2 is swap")));
    }

    [Fact]
    public void A_pod_that_has_it_comes_before_its_process_and_before_the_offer() =>
        Assert.Equal(
            "pod vms/a has 0000:43:00.0",
            Use(Gpu, Offering, (Gpu, UserKind.VfioHolder, "qemu (4711) has it open"), (Gpu, UserKind.Pod, "pod vms/a has 0000:43:00.0"))
        );

    [Fact]
    public void What_is_offered_and_what_is_held_for_it_is_said_of_what_the_agent_follows()
    {
        Assert.Equal("offered: example.com/gpus", Use(Gpu, Offering));
        Assert.StartsWith("Held by 0000:43:00.0 (", Use(Audio, Offering), StringComparison.Ordinal);
    }

    private static Machine Both => new Machine().Gpu().Audio();

    private static Plan Offering => Given.Input(Both, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan();

    private static string Use(string address, Plan plan, params (string Device, UserKind Kind, string Description)[] users) =>
        DeviceUses.Of(Both, Given.Users(users), plan)[PciAddress.Parse(address)];
}
