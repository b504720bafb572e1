using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Reporting;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Errors of a card whose virtual function is offered, and of the port above it: as metrics, in the status, as Events.</summary>
public abstract class PcieErrorScenarios
{
    private protected const string Card = "0000:41:00.0";
    private protected const string Port = "0000:40:00.0";
    private const string Said = "uncorrectable PCIe error, the last at ";

    private protected abstract IScenarioNode NewNode();

    /// <summary>The card or the port reports an error.</summary>
    private protected abstract void Report(IScenarioNode node, string function, ErrorSeverity severity);

    [Theory]
    [InlineData(Card, Card + " reported 1 " + Said)]
    [InlineData(Port, Port + ", a port above 0000:41:10.0, reported 1 " + Said)]
    public async Task What_was_corrected_is_counted_and_what_was_not_is_told_and_the_card_stays_in_service(string function, string told)
    {
        var node = NewNode();
        using var metrics = new AgentMetrics();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(1, Card)), start: false);
        bench.StartAgent(metrics: metrics);
        await using var monitoring = AgentMonitoring.Start(
            bench.Host,
            "127.0.0.1:0",
            "0",
            "test",
            _ => null,
            TimeProvider.System,
            NullLoggerFactory.Instance
        );
        await bench.ReadyAsync();
        var (corrected, lost, received) = (
            Total(bench, function, "correctable", "COR"),
            Total(bench, function, "nonfatal", "NONFATAL"),
            Received(bench)
        );

        Report(node, function, ErrorSeverity.Correctable);
        await bench.UntilAsync(() => Total(bench, function, "correctable", "COR") > corrected); // the kernel hears of it by an interrupt
        await bench.QuietAsync();
        // Who asks first has the files read, and that may be another who watches the metrics of this process: then it takes 30 s.
        var counted = $"hostdev_agent_pcie_errors_total{{device=\"{function}\",severity=\"correctable\"}} {corrected + 1}";
        var began = TimeProvider.System.GetTimestamp();
        string[] shown;
        while (
            !(shown = await MetricsAsync(monitoring)).Contains(counted)
            && TimeProvider.System.GetElapsedTime(began).TotalSeconds < node.PatienceSeconds + 30
        )
            await Task.Delay(500, TestContext.Current.CancellationToken);
        Assert.Contains(counted, shown);
        Assert.Contains($"hostdev_agent_root_port_errors_total{{device=\"{Port}\",severity=\"correctable\"}} {received + 1}", shown);
        Assert.DoesNotContain(bench.Problems("vfs"), p => p.Reason == Reasons.UncorrectableErrors);

        Report(node, function, ErrorSeverity.NonFatal); // the kernel tells: nobody wakes the agent
        await bench.UntilAsync(() => bench.Problems("vfs").Contains((function, Reasons.UncorrectableErrors)));
        Assert.Contains(
            $"hostdev_agent_pcie_errors_total{{device=\"{function}\",severity=\"nonfatal\"}} {lost + 1}",
            await MetricsAsync(monitoring)
        );
        var (type, message) = await EventAsync(bench);
        Assert.Equal("Warning", type);
        Assert.StartsWith(told, message, StringComparison.Ordinal);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 1);
        Assert.NotEqual("True", bench.Condition("Degraded"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    /// <summary>What the kernel counts.</summary>
    private static long Total(ScenarioBench bench, string function, string file, string word)
    {
        var total = $"TOTAL_ERR_{word} ";
        var lines = bench.Read($"/sys/bus/pci/devices/{function}/aer_dev_{file}").Split('\n');
        return long.Parse(lines.Single(l => l.StartsWith(total, StringComparison.Ordinal))[total.Length..], CultureInfo.InvariantCulture);
    }

    private static long Received(ScenarioBench bench) =>
        long.Parse(bench.Read($"/sys/bus/pci/devices/{Port}/aer_rootport_total_err_cor"), CultureInfo.InvariantCulture);

    private static async Task<string[]> MetricsAsync(AgentMonitoring monitoring)
    {
        await Waiting.UntilAsync(() => monitoring.Address is not null, 60);
        using var http = new HttpClient { BaseAddress = monitoring.Address };
        return (await http.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).Split('\n');
    }

    /// <summary>Type and message of the Event that an API server has when it was given the status that stands.</summary>
    private static async Task<(string Type, string Message)> EventAsync(ScenarioBench bench)
    {
        await using var api = await ConnectionBench.StartAsync();
        api.Connection.Write(bench.Host.Agent.Status!);
        IEnumerable<JsonObject> Events() =>
            api.Server.Objects.List("events.events.k8s.io").Where(e => (string?)e["reason"] == Reasons.UncorrectableErrors.Name);
        await Waiting.UntilAsync(() => Events().Any(), bench.Node.PatienceSeconds);
        var found = Assert.Single(Events());
        return ((string)found["type"]!, (string)(found["message"] ?? found["note"])!);
    }
}

public sealed class SimulatedPcieErrorScenarios : PcieErrorScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    private protected override void Report(IScenarioNode node, string function, ErrorSeverity severity) =>
        ((SimulatedNode)node).Kernel.ReportError(function, severity);

    [Fact]
    public async Task A_virtual_function_tells_what_it_lost_itself_and_what_broke_its_card_is_said_too()
    {
        const string vf = "0000:41:10.0";
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2, Card)));
        await bench.ReadyAsync();
        node.Kernel.ReportError(vf, ErrorSeverity.NonFatal);
        node.Kernel.ReportError(Card, ErrorSeverity.Fatal);
        await bench.UntilAsync(() => bench.Problems("vfs").Count == 2);
        Assert.Equal([(Card, Reasons.UncorrectableErrors), (vf, Reasons.UncorrectableErrors)], bench.Problems("vfs"));
        Assert.StartsWith(
            $"{Card} reported 1 uncorrectable PCIe error, 1 of them fatal, the last at ",
            bench.Problem("vfs").Message,
            StringComparison.Ordinal
        );
    }
}

/// <summary>
/// The port reports by QEMU's monitor. QEMU's igb has no bits in its Device Control register that let it send an error message, so the
/// kernel hears nothing of what the monitor injects into it: igb's errors come by the kernel's own aer_inject, which puts them into the
/// registers that the driver of the port reads.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed class RealPcieErrorScenarios : PcieErrorScenarios, IDisposable
{
    // PCIe 7.8.4: a bad TLP was sent again and is corrected; a completion timeout is non-fatal by default.
    private const uint BadTlp = 1 << 6;
    private const uint CompletionTimeout = 1 << 14;

    public RealPcieErrorScenarios() => Command.Run("modprobe", "aer_inject");

    public void Dispose() => Command.Run("modprobe", "-r", "aer_inject");

    private protected override IScenarioNode NewNode() => new RealNode();

    private protected override void Report(IScenarioNode node, string function, ErrorSeverity severity)
    {
        var isCorrected = severity == ErrorSeverity.Correctable;
        if (function == Card)
            Inject(PciAddress.Parse(function), isCorrected ? 0 : CompletionTimeout, isCorrected ? BadTlp : 0);
        else
            Assert.Contains(
                "OK id: igb0p",
                NodeMonitor.Try($"pcie_aer_inject_error igb0p {(isCorrected ? "BAD_TLP" : "COMP_TIME")}"),
                StringComparison.Ordinal
            );
    }

    /// <summary>Linux drivers/pci/pcie/aer_inject.c: struct aer_error_inj, of a function without device and function number here.</summary>
    private static void Inject(PciAddress function, uint uncorrectable, uint correctable)
    {
        var error = new byte[32];
        error[0] = Convert.ToByte($"{function}".Split(':')[1], 16);
        BinaryPrimitives.WriteUInt32LittleEndian(error.AsSpan(4), uncorrectable);
        BinaryPrimitives.WriteUInt32LittleEndian(error.AsSpan(8), correctable);
        using var device = new FileStream("/dev/aer_inject", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        device.Write(error);
    }
}
