using Grpc.Core;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// <c>companion</c>: a VM of KubeVirt gets a second function by a resource of its own. Both are asked for in one container, in the order of
/// a Go map, and either may be refused.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class CompanionScenarios
{
    private const string Gpu = "example.com/gpu";
    private const string Audio = "example.com/gpu-audio";
    private const string Port = "0000:45:00.0";
    private const string OtherPort = "0000:45:00.1";

    /// <summary>Four cards, each with its audio function in one group.</summary>
    private const string Cards = """
        policies:
        - kind: HostDevice
          name: gpu
          spec:
            resourceName: example.com/gpu
            nodeSelector: {}
            devices: {pci: {selectors: [{class: "03", vendor: "10de"}], members: [{function: 1, companion: example.com/gpu-audio}]}}

        """;

    private static readonly string LatePorts = Desired.Policies(
        Desired.HostDevice("dual", Port, "binding: OnAllocate", ", members: [{function: 1, companion: example.com/second}]")
    );

    [Fact]
    public async Task A_vm_gets_the_graphics_cards_and_of_each_its_audio_function()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(DemoMachines.GpuNode), Cards);
        await OfferedAsync(bench);
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest(Gpu, 2), new DeviceRequest(Audio, 2));

        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Empty(KubeVirtOracle.Problems(bench.Node.Machine.Paths, pod, []));
        var given = VirtLauncher.Addresses(pod, Gpu, Audio, Gpu, Audio);
        Assert.Equal([given[0][..^1] + "1", given[2][..^1] + "1"], [given[1], given[3]]);
        Assert.Empty(pod.Answers[Audio].Envs);
        Assert.Empty(pod.Answers[Audio].Devices);
        Assert.DoesNotContain(pod.Devices[Audio], given.Contains);

        // Two tokens are left, as two cards are, and none of them is the pod's.
        Assert.Equal((4, 4), (bench.Kubelet.Allocatable(Gpu), bench.Kubelet.Allocatable(Audio)));
        var other = await bench.Kubelet.AdmitPodAsync("vms", "other", new DeviceRequest(Gpu, 2), new DeviceRequest(Audio, 2));
        Assert.Equal((PodPhase.Running, ""), (other.Phase, other.Message));
        Assert.Empty(VirtLauncher.Addresses(other, Gpu, Audio, Gpu, Audio).Intersect(given));
    }

    [Fact]
    public async Task A_thousand_admissions_in_random_order_with_refusals_and_restarts_pair_what_belongs_together_and_lose_no_token()
    {
        var random = new Random(42);
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(DemoMachines.GpuNode), Cards);
        bench.Kubelet.MapOrder = new Random(43);
        await OfferedAsync(bench);
        string? refused = null;
        bench.Kubelet.BeforeAllocate = (resource, _) =>
            resource == refused
                ? throw new RpcException(new Status(StatusCode.FailedPrecondition, "refused by the test"))
                : Task.CompletedTask;
        List<(string Name, int Count)> running = [];
        int admitted = 0,
            refusals = 0,
            halves = 0;
        var admissions = Amount.Of(1000, fast: 100);
        for (var i = 0; i < admissions; i++)
        {
            if (i % 50 == 49)
                await RestartAsync(bench, ofKubelet: i % 100 == 99);
            var count = random.Next(1, 3);
            while (running.Sum(r => r.Count) + count > 4)
                Delete(bench, running, random);
            refused = random.Next(6) switch
            {
                0 => Gpu,
                1 => Audio,
                _ => null,
            };
            var pod = await bench.Kubelet.AdmitPodAsync("vms", $"vm-{i}", new DeviceRequest(Gpu, count), new DeviceRequest(Audio, count));
            if (refused is not null)
            {
                Assert.Equal(PodPhase.Failed, pod.Phase);
                (refusals, halves) = (refusals + 1, halves + (pod.Devices.IsEmpty ? 0 : 1));
                bench.Kubelet.DeletePod("vms", pod.Name);
                continue;
            }

            Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
            running.Add((pod.Name, count));
            admitted++;
            Check(bench, pod, count);
            if (random.Next(4) == 0)
                Check(bench, await bench.Kubelet.RestartContainerAsync("vms", pod.Name), count);
        }

        Assert.True(admitted > admissions / 2 && refusals > admissions / 5 && halves > refusals / 4, $"{admitted} {refusals} {halves}");
        refused = null;
        while (running.Count > 0)
            Delete(bench, running, random);
        await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.IsEmpty);
        await OfferedAsync(bench);
        Assert.Equal((4, 4), (bench.Kubelet.Capacity(Gpu), bench.Kubelet.Capacity(Audio)));
        var all = await bench.Kubelet.AdmitPodAsync("vms", "all", new DeviceRequest(Gpu, 4), new DeviceRequest(Audio, 4));
        Check(bench, all, 4);
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    /// <summary>The kubelet keeps what it was given for the other until it cleans up (<c>UpdateAllocatedDevices</c>).</summary>
    [Theory]
    [InlineData("example.com/second")]
    [InlineData("example.com/dual")]
    public async Task Where_one_of_both_is_refused_a_late_bound_device_goes_back_and_the_token_comes_free(string refused)
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, LatePorts);
        await bench.UntilAsync(() =>
            (bench.Kubelet.Allocatable("example.com/dual"), bench.Kubelet.Allocatable("example.com/second")) == (1, 1)
        );
        bench.Kubelet.BeforeAllocate = (resource, _) =>
            resource == refused
                ? throw new RpcException(new Status(StatusCode.FailedPrecondition, "refused by the test"))
                : Task.CompletedTask;
        SimulatedPod pod;
        var tries = 0;
        do
        {
            Assert.InRange(++tries, 1, 20);
            pod = await AdmitBothAsync(bench, $"vm-{tries}");
            Assert.Equal(PodPhase.Failed, pod.Phase);
        } while (pod.Devices.IsEmpty); // the other was asked for first

        Assert.NotEmpty(bench.Host.Allocator.Ledger.ById);
        Assert.Equal(refused == "example.com/second" ? "vfio-pci" : "e1000e", bench.Driver(Port));
        await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.IsEmpty);
        await bench.UntilAsync(() => (bench.Driver(Port), bench.Driver(OtherPort)) == ("e1000e", "e1000e"));
        await bench.UntilAsync(() =>
            (bench.Kubelet.Allocatable("example.com/dual"), bench.Kubelet.Allocatable("example.com/second")) == (1, 1)
        );
        bench.Kubelet.BeforeAllocate = null;
        var last = await AdmitBothAsync(bench, "vm");
        Assert.Equal((PodPhase.Running, ""), (last.Phase, last.Message));
        Assert.Equal([Port, OtherPort], VirtLauncher.Addresses(last, "example.com/dual", "example.com/second"));
    }

    [Fact]
    public async Task A_pod_keeps_its_tokens_over_a_boot_and_over_the_end_of_the_policy()
    {
        // One card: of several, another may have the number of its node after a boot.
        var node = new SimulatedNode(DemoMachines.GpuNode);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Cards.Replace("class: \"03\", vendor: \"10de\"", "addresses: [\"0000:11:00.0\"]", StringComparison.Ordinal)
        );
        await bench.UntilAsync(() => (bench.Kubelet.Allocatable(Gpu), bench.Kubelet.Allocatable(Audio)) == (1, 1));
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest(Gpu, 1), new DeviceRequest(Audio, 1));
        var token = Assert.Single(pod.Devices[Audio]);
        await bench.StopAgentAsync();
        await bench.Kubelet.StopAsync();
        node.Reboot(bench.StateDirectory);
        await bench.Kubelet.StartAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => (bench.Kubelet.Allocatable(Gpu), bench.Kubelet.Allocatable(Audio)) == (1, 1));
        var again = await bench.Kubelet.RestartContainerAsync("vms", "vm");
        Assert.Equal((PodPhase.Running, ""), (again.Phase, again.Message));
        await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById[token].Pod == "vms/vm");

        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Audio) == 0);
        Assert.Equal([token], bench.Kubelet.Devices(Audio).Select(d => d.Id));
        again = await bench.Kubelet.RestartContainerAsync("vms", "vm");
        Assert.Equal((PodPhase.Running, ""), (again.Phase, again.Message));
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.IsEmpty);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task What_does_not_go_together_is_said_of_the_pod_once_it_is_admitted()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(DemoMachines.GpuNode), Cards);
        await OfferedAsync(bench);
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest(Gpu, 1), new DeviceRequest(Audio, 2));
        Assert.Throws<InvalidOperationException>(() => VirtLauncher.Addresses(pod, Gpu, Audio, Audio));
        await bench.UntilAsync(() => bench.Problem("gpu").Reason == Reasons.CompanionsUnpaired);
        Assert.Equal(
            "container compute of pod vms/vm has 2 of example.com/gpu-audio and only 1 of example.com/gpu: there is no device for each, "
                + "and the launcher of a VM does not start; ask for as many of example.com/gpu-audio as of example.com/gpu",
            bench.Problem("gpu").Message
        );
        Assert.Equal("Ready", (string?)bench.Policy("gpu")?["reason"]);
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Problem("gpu").Reason == Reasons.Unsaid);
    }

    private static Task<SimulatedPod> AdmitBothAsync(ScenarioBench bench, string name) =>
        bench.Kubelet.AdmitPodAsync("vms", name, new DeviceRequest("example.com/dual", 1), new DeviceRequest("example.com/second", 1));

    private static Task OfferedAsync(ScenarioBench bench) =>
        bench.UntilAsync(() => (bench.Kubelet.Allocatable(Gpu), bench.Kubelet.Allocatable(Audio)) == (4, 4));

    private static async Task RestartAsync(ScenarioBench bench, bool ofKubelet)
    {
        if (ofKubelet)
        {
            await bench.Kubelet.RestartAsync();
        }
        else
        {
            await bench.StopAgentAsync();
            bench.StartAgent();
        }

        await OfferedAsync(bench);
    }

    private static void Delete(ScenarioBench bench, List<(string Name, int Count)> running, Random random)
    {
        var at = random.Next(running.Count);
        bench.Kubelet.DeletePod("vms", running[at].Name);
        running.RemoveAt(at);
    }

    /// <summary>Each card comes with the function beside it, and nobody else has either.</summary>
    private static void Check(ScenarioBench bench, SimulatedPod pod, int count)
    {
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var others = bench.Kubelet.Pods.Where(p => p.Name != pod.Name && p.Phase == PodPhase.Running).ToList();
        Assert.Empty(KubeVirtOracle.Problems(bench.Node.Machine.Paths, pod, others));
        var cards = VirtLauncher.Addresses(pod, Enumerable.Repeat(Gpu, count));
        var audio = VirtLauncher.Addresses(pod, Enumerable.Repeat(Audio, count));
        Assert.Equal(cards.Select(c => c[..^1] + "1"), audio);
        Assert.Equal(pod.Devices[Gpu].Order(StringComparer.Ordinal), cards);
        Assert.Empty(others.SelectMany(o => o.Devices.Values.SelectMany(d => d)).Intersect(pod.Devices.Values.SelectMany(d => d)));
    }
}
