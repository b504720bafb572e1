using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>A large cluster costs time in proportion, and no memory.</summary>
public sealed class ScaleTests(ITestOutputHelper output)
{
    private const int DevicesPerNode = 8;
    private const int Rounds = 3;

    /// <summary>Of a page of 100 nodes, their text among it, and the runtime.</summary>
    private const double MostMegabytes = 160;

    [Fact]
    public async Task Devices_of_a_large_cluster_need_little_memory()
    {
        var (_, _, most, said) = await MeasureAsync();
        Assert.True(most < MostMegabytes, said);
    }

    /// <summary>A program that is compiled while it runs takes a second for that: what is shipped does not.</summary>
    [Fact]
    [Trait(ShippedPrograms.Needs, ShippedPrograms.Published)]
    public async Task Devices_of_a_large_cluster_come_as_soon_as_kubectl_has_the_objects()
    {
        var (ours, theirs, _, said) = await MeasureAsync();
        Assert.True(ours <= theirs, said);
    }

    private async Task<(double Ours, double Theirs, double MostMegabytes, string Said)> MeasureAsync()
    {
        var nodes = Amount.Of(5000, 1000);
        await using var bench = await KubectlBench.StartAsync();
        var (state, status) = State();
        for (var i = 0; i < nodes; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"node-{i:d5}");
            state["metadata"]!["name"] = name;
            bench.Cluster.Server.Objects.Create(state.DeepClone().AsObject());
            bench.Cluster.Server.Objects.Change(
                "nodedevicestates.hostdev.io",
                name,
                s => s["status"] = status.DeepClone(),
                subresource: "status"
            );
        }

        using var kubectl = new KubectlTool(bench.Cluster.Server);
        var (ours, theirs, most) = (new List<double>(), new List<double>(), 0.0);
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            (await kubectl.RunAsync("get", "nodedevicestates", "-o", "json")).Succeeded();
            theirs.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            began = Stopwatch.GetTimestamp();
            var (lines, megabytes) = await DevicesAsync(bench);
            ours.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            Assert.Equal(1 + (nodes * DevicesPerNode), lines);
            most = Math.Max(most, megabytes);
        }

        var said = string.Create(
            CultureInfo.InvariantCulture,
            $"{nodes} nodes: devices {ours.Order().ElementAt(1):F2} s and {most:F0} MB, kubectl get {theirs.Order().ElementAt(1):F2} s"
        );
        output.WriteLine(said);
        return (ours.Min(), theirs.Min(), most, said);
    }

    private static async Task<(int Lines, double Megabytes)> DevicesAsync(KubectlBench bench)
    {
        using var process = Process.Start(
            new ProcessStartInfo(ShippedPrograms.Kubectl, ["devices", "--kubeconfig", bench.Cluster.Kubeconfig])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
            }
        )!;
        var memory = new ResidentMemory(process.Id);
        var (lines, megabytes) = (0, 0.0);
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is not null)
        {
            // The last lines may be read when it has ended.
            if (lines++ % 1000 == 0)
                megabytes = Math.Max(megabytes, memory.MostMegabytesYet ?? 0);
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        Assert.True(megabytes > 0, "its memory was never read");
        return (lines, megabytes);
    }

    private static (JsonObject State, JsonNode Status) State()
    {
        var devices = string.Join(
            ',',
            Enumerable
                .Range(1, DevicesPerNode)
                .Select(d =>
                    $$"""{id: "0000:{{d:x2}}:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci, numaNode: 0, """
                    + $$"""state: Offered as example.com/gpu, pci: {iommuGroup: {{d}} } }"""
                )
        );
        var state = ClusterBench.Yaml(
            $$"""
            apiVersion: hostdev.io/v1alpha1
            kind: NodeDeviceState
            metadata: {}
            spec:
              policies:
              - {kind: HostDevice, name: gpu, uid: u1, generation: 1, spec: {resourceName: example.com/gpu} }
            status:
              host: {kernel: "6.12", architecture: x86_64, bootId: b, iommu: true, interruptRemapping: "Yes", kernelArguments: [],
                vfioDrivers: [], problems: []}
              names: [{class: pci, ids: "10de:24b0", name: RTX A4000}]
              devices: [{{devices}}]
              virtualFunctions: []
              allocations: []
              policies:
              - {kind: HostDevice, name: gpu, uid: u1, generation: 1, matched: 8, ready: 8, blocked: 0, reason: Ready, message: m,
                problems: []}
              releasing: []
              resources: [{name: example.com/gpu, capacity: 8, allocatable: 8, registered: true}]
              conditions: [{type: Ready, status: "True", reason: AsDesired, message: every policy is fulfilled}]
            """
        );
        var status = state["status"]!.DeepClone();
        state.Remove("status");
        return (state, status);
    }
}
