using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>A large cluster costs time in proportion, and no memory.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class ScaleTests(ITestOutputHelper output)
{
    private const int DevicesPerNode = 8;
    private const int Rounds = 3;

    /// <summary>Of a page of 100 nodes, their text among it, and the runtime.</summary>
    private const double MostMegabytes = 160;

    /// <summary>Of what changes on each node, as rows, which are sorted before they are printed.</summary>
    private const double MostMegabytesOfPlan = 320;

    private const double MostTimesOfKubectl = 4;

    private const string Policy = "{resourceName: example.com/gpu, nodeSelector: {}, devices: {pci: {selectors: [{vendor: '10de'}]}}}";

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

    /// <summary>It reads all nodes three times: their labels, what they were given, and what they report.</summary>
    [Fact]
    [Trait(ShippedPrograms.Needs, ShippedPrograms.Published)]
    public async Task A_plan_for_a_large_cluster_takes_a_few_times_as_long_as_kubectl_needs_for_the_objects()
    {
        var nodes = Nodes;
        await using var bench = await FilledAsync(nodes);
        using var kubectl = new KubectlTool(bench.Cluster.Server);
        var file = Path.Combine(bench.Cluster.Directory, "policy.yaml");
        await File.WriteAllTextAsync(
            file,
            """
            apiVersion: hostdev.io/v1alpha1
            kind: HostDevice
            metadata: {name: gpu}
            spec: {resourceName: example.com/other, nodeSelector: {}, devices: {pci: {selectors: [{vendor: "10de"}]}}}

            """,
            TestContext.Current.CancellationToken
        );
        var (ours, theirs, most) = (new List<double>(), new List<double>(), 0.0);
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            (await kubectl.RunAsync("get", "nodedevicestates", "-o", "json")).Succeeded();
            theirs.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            began = Stopwatch.GetTimestamp();
            // Of each device: it is not offered as what it was, and is offered as something else; and the lines around the table.
            var (lines, megabytes) = await LinesAsync(bench, exitCode: 2, "plan", "-f", file);
            ours.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            Assert.InRange(lines, 2 * nodes * DevicesPerNode, (2 * nodes * DevicesPerNode) + 10);
            most = Math.Max(most, megabytes);
        }

        var said = string.Create(
            CultureInfo.InvariantCulture,
            $"{nodes} nodes: plan {ours.Order().ElementAt(1):F2} s and {most:F0} MB, kubectl get {theirs.Order().ElementAt(1):F2} s"
        );
        output.WriteLine(said);
        Assert.True(ours.Min() <= MostTimesOfKubectl * theirs.Min(), said);
        Assert.True(most < MostMegabytesOfPlan, said);
    }

    private static int Nodes => Amount.Of(5000, 1000);

    private async Task<(double Ours, double Theirs, double MostMegabytes, string Said)> MeasureAsync()
    {
        var nodes = Nodes;
        await using var bench = await FilledAsync(nodes);
        using var kubectl = new KubectlTool(bench.Cluster.Server);
        var (ours, theirs, most) = (new List<double>(), new List<double>(), 0.0);
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            (await kubectl.RunAsync("get", "nodedevicestates", "-o", "json")).Succeeded();
            theirs.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            began = Stopwatch.GetTimestamp();
            var (lines, megabytes) = await LinesAsync(bench, exitCode: 0, "devices");
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

    private static async Task<KubectlBench> FilledAsync(int nodes)
    {
        var bench = await KubectlBench.StartAsync();
        var (state, status) = State();
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml($"{{apiVersion: hostdev.io/v1alpha1, kind: HostDevice, metadata: {{name: gpu}}, spec: {Policy}}}")
        );
        var node = ClusterBench.Yaml("{apiVersion: v1, kind: Node, metadata: {}}");
        for (var i = 0; i < nodes; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"node-{i:d5}");
            state["metadata"]!["name"] = name;
            node["metadata"]!["name"] = name;
            bench.Cluster.Server.Objects.Create(node.DeepClone().AsObject());
            bench.Cluster.Server.Objects.Create(state.DeepClone().AsObject());
            bench.Cluster.Server.Objects.Change(
                "nodedevicestates.hostdev.io",
                name,
                s => s["status"] = status.DeepClone(),
                subresource: "status"
            );
        }

        return bench;
    }

    private static async Task<(int Lines, double Megabytes)> LinesAsync(KubectlBench bench, int exitCode, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(ShippedPrograms.Kubectl, [.. arguments, "--kubeconfig", bench.Cluster.Kubeconfig])
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
        Assert.Equal(exitCode, process.ExitCode);
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
                    + $$"""state: Offered as example.com/gpu, pci: {iommuGroup: {{d}}, classCode: "030000"} }"""
                )
        );
        var state = ClusterBench.Yaml(
            $$"""
            apiVersion: hostdev.io/v1alpha1
            kind: NodeDeviceState
            metadata: {}
            spec:
              policies:
              - kind: HostDevice
                name: gpu
                uid: u1
                generation: 1
                spec: {{Policy}}
            status:
              host: {kernel: "6.12", architecture: x86_64, bootId: b, iommu: true, interruptRemapping: "Yes", kernelArguments: [],
                vfioDrivers: [vfio-pci], problems: []}
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
