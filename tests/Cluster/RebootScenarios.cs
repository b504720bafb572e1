using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>Machines that boot, with the API server there and away.</summary>
public sealed class RebootScenarios
{
    [Fact]
    public async Task After_a_boot_without_an_API_server_what_was_in_force_is_back_and_nothing_new_is_begun()
    {
        var (bench, server) = await ClusterBench.SimulateAsync();
        await using var closed = bench;
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("first", GpuMachine.FirstGpu);
        await bench.ReadyAsync("first");

        var stop = Path.Combine(node.StateDirectory, BreakGlassFile.FileName);
        await File.WriteAllTextAsync(stop, "", TestContext.Current.CancellationToken);
        var writes = node.Kernel.Writes.All.Length;
        await bench.HostDeviceAsync("second", GpuMachine.SecondGpu);
        await bench.UntilAsync(async () =>
            Degraded(await bench.StateAsync(node)).Reason == Reasons.Disabled
            && (await bench.StateAsync(node))!["status"]!["policies"]!.AsArray().Count == 2
        );
        Assert.Contains(stop, Degraded(await bench.StateAsync(node)).Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => node.Offered("example.com/first") == 0); // no pod may begin on anything
        Assert.Equal(
            (writes, "vfio-pci", "nvidia"),
            (node.Kernel.Writes.All.Length, node.Driver("0000:11:00.0"), node.Driver("0000:12:00.0"))
        );

        await node.CrashAgentAsync();
        await server.StopAsync();
        node.Kernel.Reboot();
        File.Delete(stop);
        writes = node.Kernel.Writes.All.Length;
        node.StartAgent();
        await bench.UntilAsync(() => node.Driver("0000:11:00.0") == "vfio-pci" && node.Offered("example.com/first") == 1);
        Assert.Equal(("nvidia", 0), (node.Driver("0000:12:00.0"), node.Offered("example.com/second")));
        Assert.DoesNotContain(
            node.Kernel.Writes.All.Skip(writes),
            w => w.Path.Contains("0000:12:00", StringComparison.Ordinal) || w.Value.Contains("0000:12:00", StringComparison.Ordinal)
        );

        await server.StartAsync(TestContext.Current.CancellationToken);
        await bench.UntilAsync(() => node.Offered("example.com/second") == 1);
        await bench.ReadyAsync("second");
    }

    [Fact]
    public async Task Two_boots_that_end_within_one_spec_stop_it_until_it_changes_and_the_status_says_why()
    {
        var (bench, _) = await ClusterBench.SimulateAsync();
        await using var closed = bench;
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("first", GpuMachine.FirstGpu);
        for (var boot = 0; boot < BootRecord.Limit; boot++)
        {
            if (boot > 0)
                node.StartAgent();
            await bench.UntilAsync(() => node.Driver("0000:11:00.0") == "vfio-pci" && node.Offered("example.com/first") == 1);
            await bench.ReadyAsync("first");
            await node.CrashAgentAsync();
            node.Kernel.Reboot();
        }

        var writes = node.Kernel.Writes.All.Length;
        node.StartAgent();
        await bench.UntilAsync(async () => Degraded(await bench.StateAsync(node)).Reason == Reasons.BootLoop);
        Assert.StartsWith(
            "the last 2 boots of this machine ended while this desired state was being applied: it is not applied again",
            Degraded(await bench.StateAsync(node)).Message,
            StringComparison.Ordinal
        );
        Assert.Equal((writes, "nvidia"), (node.Kernel.Writes.All.Length, node.Driver("0000:11:00.0")));
        await bench.UntilAsync(async () => ClusterBench.Condition(await bench.PolicyAsync("first"), "Ready").Status == "False");

        await bench.HostDeviceAsync("second", GpuMachine.SecondGpu);
        await bench.UntilAsync(() => node.Driver("0000:11:00.0") == "vfio-pci" && node.Driver("0000:12:00.0") == "vfio-pci");
        await bench.ReadyAsync("first");
    }

    private static (Reason Reason, string Message) Degraded(JsonObject? state) =>
        state?["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string)c!["type"]! == "Degraded") is { } found
            ? (Reasons.Of((string)found["reason"]!), (string?)found["message"] ?? "")
            : (Reasons.Unsaid, "");
}
