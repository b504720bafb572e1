using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>A VM that asks for more 32-bit BARs than its VMM has room for finds out late, and without a name of the device.</summary>
public sealed class LowMmioTests
{
    private const ulong MiB = 1 << 20;

    [Theory]
    [InlineData(8, 16, "x86_64", null)] // 8 NVIDIA GPUs
    [InlineData(5, 128, "x86_64", null)] // 640 MiB
    [InlineData(6, 128, "x86_64", "all 6 example.com/gpus of this node needs 768 MiB|cloud-hypervisor has 640 MiB, which is enough for 5")]
    [InlineData(
        8,
        128,
        "x86_64",
        "all 8 example.com/gpus of this node needs 1024 MiB|"
            + "cloud-hypervisor has 640 MiB, which is enough for 5, and QEMU has 960 MiB, which is enough for 7"
    )]
    [InlineData(
        6,
        128,
        "aarch64",
        "all 6 example.com/gpus of this node needs 768 MiB|"
            + "cloud-hypervisor has 512 MiB, which is enough for 4, and QEMU has 751 MiB, which is enough for 5"
    )]
    [InlineData(8, 128, "ppc64le", null)] // nobody knows
    public void A_request_for_all_of_a_node_is_compared_with_what_VMMs_have(int count, ulong mebibytes, string machine, string? said)
    {
        var plan = Given.Input(Cards(count, mebibytes, machine), Given.HostDevice()).Plan();

        Assert.Equal(count, plan.Units.Length);
        var message = plan.Findings.SingleOrDefault(f => f.Reason == Reasons.LowMmioTooSmall)?.Message;
        Assert.Equal(
            said is null
                ? null
                : $"a VM that asks for {said.Split('|')[0]} below 4 GiB for 32-bit BARs, beside its own devices; by default "
                    + $"{said.Split('|')[1]}: let a VM ask for no more than that",
            message
        );
    }

    [Fact]
    public void One_card_that_fits_nowhere_is_said_so()
    {
        var plan = Given.Input(Cards(1, 1024, "x86_64"), Given.HostDevice()).Plan();
        plan.Says(
            "HostDevice/gpus",
            FindingState.Noticed,
            Reasons.LowMmioTooSmall,
            "a VM that asks for the one example.com/gpus of this node needs 1024 MiB below 4 GiB for 32-bit BARs, beside its own devices; "
                + "by default cloud-hypervisor has 640 MiB, which is not enough for one, and QEMU has 960 MiB, which is not enough for one"
        );
    }

    /// <summary>Whichever a VM gets of cards that are not alike, what is said to fit does: the largest count first.</summary>
    [Fact]
    public void What_is_said_to_fit_fits_whichever_they_are()
    {
        var machine = Cards(4, 128, "x86_64").Change("0000:13:00.0", f => f with { Bars = new BarBytes(512 * MiB, 0) });
        Assert.Contains(
            "cloud-hypervisor has 640 MiB, which is enough for 2:",
            Assert.Single(Given.Input(machine, Given.HostDevice()).Plan().Findings, f => f.Reason == Reasons.LowMmioTooSmall).Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>A function that is held is not in the VM; one that is not in any policy neither.</summary>
    [Fact]
    public void What_a_VM_does_not_get_takes_no_room()
    {
        var machine = Cards(5, 128, "x86_64")
            .Gpu("0000:40:00.0", group: 40, flr: true)
            .Change("0000:40:00.0", f => f with { Device = default });
        for (var i = 0; i < 5; i++)
            machine.Audio($"0000:1{i}:00.1", 10 + i).Change($"0000:1{i}:00.1", f => f with { Bars = new BarBytes(128 * MiB, 0) });
        machine.Change("0000:40:00.0", f => f with { Bars = new BarBytes(512 * MiB, 0) });

        var held = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings });
        Assert.DoesNotContain(Given.Input(machine, held).Plan().Findings, f => f.Reason == Reasons.LowMmioTooSmall);
        var all = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings });
        Assert.Contains(Given.Input(machine, all).Plan().Findings, f => f.Reason == Reasons.LowMmioTooSmall);
    }

    [Fact]
    public void It_stands_in_no_devices_way_and_explain_says_it_of_each_that_it_concerns()
    {
        var input = Given.Input(Cards(6, 128, "x86_64").Gpu("0000:40:00.0", group: 40), Given.HostDevice());
        Assert.DoesNotContain(input.Plan().Findings, f => f.State.IsInTheWay);
        Assert.Contains(Explanation.Of(input, DeviceId.Parse("0000:12:00.0")).Findings, f => f.Reason == Reasons.LowMmioTooSmall);
        var other = Given.HostDevice("other", selector: new() { Device = PciId.Parse("1111") });
        var machine = Cards(6, 128, "x86_64").Function("0000:40:00.0", 40, ids: "10de:1111", flr: true);
        var two = Given.Input(machine, Given.HostDevice(), other);
        Assert.Equal(7, two.Plan().Units.Length);
        Assert.DoesNotContain(Explanation.Of(two, DeviceId.Parse("0000:40:00.0")).Findings, f => f.Reason == Reasons.LowMmioTooSmall);
    }

    private static Machine Cards(int count, ulong mebibytes, string architecture)
    {
        var machine = new Machine().Facts(f => f with { Architecture = architecture });
        for (var i = 0; i < count; i++)
            machine
                .Gpu($"0000:1{i}:00.0", 10 + i, flr: true)
                .Change($"0000:1{i}:00.0", f => f with { Bars = new BarBytes(mebibytes * MiB, 0) });
        return machine;
    }
}
