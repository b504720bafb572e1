using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Errors of a card whose virtual functions are offered.</summary>
public abstract class PcieErrorScenarios
{
    private protected const string Card = "0000:41:00.0";

    private protected abstract IScenarioNode NewNode();

    /// <summary>The card reports an error.</summary>
    private protected abstract void Report(IScenarioNode node, ErrorSeverity severity);

    [Fact]
    public async Task What_was_corrected_is_counted_and_what_was_not_is_said_and_the_card_stays_in_service()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(1, Card)));
        await bench.ReadyAsync();

        Report(node, ErrorSeverity.Correctable);
        await bench.UntilAsync(() => InSysfs(bench) > 0); // the kernel hears of it by an interrupt
        Assert.Equal(InSysfs(bench), Count(bench, PcieSeverity.Correctable));
        Assert.DoesNotContain(bench.Problems("vfs"), p => p.Reason == Reasons.UncorrectableErrors);

        Report(node, ErrorSeverity.NonFatal); // the kernel tells: nobody wakes the agent
        await bench.UntilAsync(() => bench.Problems("vfs").Contains((Card, Reasons.UncorrectableErrors)));
        Assert.StartsWith(
            $"{Card} reported 1 uncorrectable PCIe error, the last at ",
            (string)bench.Policy("vfs")!["problems"]!.AsArray().Single(p => (string)p!["reason"]! == "UncorrectableErrors")!["message"]!,
            StringComparison.Ordinal
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 1);
        Assert.NotEqual("True", bench.Condition("Degraded"));
    }

    private static long InSysfs(ScenarioBench bench)
    {
        const string Total = "TOTAL_ERR_COR ";
        var lines = bench.Read($"/sys/bus/pci/devices/{Card}/aer_dev_correctable").Split('\n');
        return long.Parse(lines.Single(l => l.StartsWith(Total, StringComparison.Ordinal))[Total.Length..], CultureInfo.InvariantCulture);
    }

    private static long Count(ScenarioBench bench, PcieSeverity severity) =>
        bench
            .Host.PcieErrors.Where(c => c.Key is { IsRootPort: false } && $"{c.Key.Device}" == Card && c.Key.Severity == severity)
            .Sum(c => c.Count);
}

public sealed class SimulatedPcieErrorScenarios : PcieErrorScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    private protected override void Report(IScenarioNode node, ErrorSeverity severity) =>
        ((SimulatedNode)node).Kernel.ReportError(Card, severity);
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed class RealPcieErrorScenarios : PcieErrorScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();

    /// <summary>QEMU's igb0 is the card. A completion timeout is non-fatal by default (PCIe 7.8.4.4).</summary>
    private protected override void Report(IScenarioNode node, ErrorSeverity severity)
    {
        var said = NodeMonitor.Try(
            severity == ErrorSeverity.Correctable ? "pcie_aer_inject_error igb0 BAD_TLP" : "pcie_aer_inject_error igb0 COMP_TIME"
        );
        Assert.Contains("OK id: igb0", said, StringComparison.Ordinal);
    }
}
