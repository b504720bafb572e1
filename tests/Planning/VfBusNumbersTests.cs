using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// What the kernel would answer with ENOMEM ("can't enable 64 VFs (bus 3c out of range of [bus 3b])") is said before anything is written.
/// </summary>
public sealed class VfBusNumbersTests
{
    private const string Pf = "0000:41:00.0";
    private const string Port = "0000:40:00.0";
    private const string TooFew = "the last of which would lie on bus 42, and the port above it (0000:40:00.0) has bus numbers up to 41: ";

    [Theory]
    [InlineData(0, 0x41, 128, 2, 64, null)] // the last of 64 is 0000:41:1f.6
    [InlineData(0, 0x41, 128, 2, 65, TooFew + "set numVfs to at most 64, or ")]
    [InlineData(0, 0x42, 128, 2, 65, null)]
    [InlineData(0, 0x41, 256, 1, 1, TooFew)] // ARI is off
    [InlineData(1, 0x41, 256, 1, 1, TooFew)]
    [InlineData(0, 0x41, 0, 0, 65, null)] // such a card does not tell where they lie
    [InlineData(0, 0x41, 128, 0, 65, null)]
    [InlineData(0, null, 128, 2, 65, null)] // the port could not be read
    public void More_than_the_bus_numbers_of_the_port_hold_are_refused_beforehand_with_how_many_fit(
        int function,
        int? subordinate,
        int offset,
        int stride,
        int wanted,
        string? said
    )
    {
        var pf = $"0000:41:00.{function}";
        HostInventory machine = new Machine()
            .Bridge(Port, 19)
            .Change(Port, f => f with { SubordinateBus = (byte?)subordinate })
            .PhysicalFunction(pf, total: 128)
            .Change(
                pf,
                f =>
                    f with
                    {
                        Path = [PciAddress.Parse("0000:3f:00.0"), PciAddress.Parse(Port)],
                        Sriov = f.Sriov! with { Offset = offset, Stride = stride },
                    }
            );
        var plan = Given.Input(machine, Given.Sriov(wanted)).Plan();
        if (said is null)
        {
            Assert.DoesNotContain(plan.Findings, f => f.Reason == Reasons.NoBusNumbers);
            Assert.Contains($"numvfs {wanted} on {pf}", plan.Steps());
            return;
        }

        plan.Says(
            pf,
            FindingState.Blocked,
            Reasons.NoBusNumbers,
            $"{pf} asks for {wanted} VFs, {said}switch on ARI in the firmware (and remove pci=noari), boot with pci=assign-busses, or give "
                + "the slot more bus numbers in the firmware"
        );
        Assert.Empty(plan.Lanes);
    }

    /// <summary>The kernel goes through 0: whoever asked for more than fit would have lost those that there are.</summary>
    [Fact]
    public void Those_that_are_there_stay_where_more_do_not_fit()
    {
        var machine = new Machine()
            .Bridge(Port, 19)
            .Change(Port, f => f with { SubordinateBus = 0x41 })
            .PhysicalFunction(vfs: 2, total: 128)
            .Change(Pf, f => f with { Path = [PciAddress.Parse(Port)] });
        var input = Given.Input(machine, Given.Sriov(65)) with { Ownership = Ownership.None.OwnsVfsOf(Pf, asked: 2, made: 2) };

        Assert.DoesNotContain($"numvfs 0 on {Pf}", input.Plan().Steps());
        Assert.Contains(input.Plan().Findings, f => f.Reason == Reasons.NoBusNumbers);
        machine.Change(Port, f => f with { SubordinateBus = 0x42 });
        Assert.Contains($"numvfs 0 on {Pf}", (input with { Inventory = machine }).Plan().Steps());
    }
}
