using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The graphics card that shows the host's console stays with it; others are for VMs, whatever driver the host has for them.
/// </summary>
public abstract class ConsoleProtectionScenarios
{
    private const string BootVga = "0000:42:00.0";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task The_boot_VGA_is_refused_taken_when_the_admin_names_it_and_given_back()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Graphics(BootVga));
        await bench.UntilAsync(() => bench.Problem("vga").Reason == Reasons.Protected);
        Assert.Equal(
            $"{BootVga} is in use: it is the console (boot VGA): the host needs it; free it, or list Console in "
                + "allowProtected together with the address",
            bench.Problem("vga").Message
        );
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Graphics(BootVga, "allowProtected: [Console]"));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(BootVga));
        Assert.Equal("1", bench.Read($"/sys/bus/pci/devices/{BootVga}/boot_vga")); // for ever: taken, it is no console any more
        Assert.Null(node.TakeAllTheWay(BootVga));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Null(bench.Driver(BootVga));
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task A_card_is_refused_while_a_display_of_it_is_on_and_taken_from_its_driver_while_none_is()
    {
        var node = NewNode();
        node.LoadDisplayDriver();
        await using var bench = await ScenarioBench.StartAsync(node, Graphics("0000:82:00.0"));
        await bench.UntilAsync(() => bench.Problem("vga").Reason == Reasons.Protected);
        Assert.Matches(
            "^0000:82:00.0 is in use: its display card[0-9]+-Virtual-[0-9]+ is switched on: the host needs it; free it, or list Console ",
            bench.Problem("vga").Message
        );
        Assert.Equal("bochs-drm", bench.Driver("0000:82:00.0"));
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Graphics("0000:83:00.0"));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver("0000:83:00.0"));
        Assert.Equal("bochs-drm", bench.Driver("0000:82:00.0"));
        Assert.Null(node.TakeAllTheWay("0000:83:00.0"));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal("bochs-drm", bench.Driver("0000:83:00.0"));
    }

    private static string Graphics(string address, string more = "") =>
        Desired.Policies(Desired.HostDevice("vga", address, more, ", groupPolicy: HoldSiblings"));
}

public sealed class SimulatedConsoleProtectionScenarios : ConsoleProtectionScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealConsoleProtectionScenarios : ConsoleProtectionScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
