using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A few random sequences over real sockets, with the whole agent, its threads and clocks: what the thousands of
/// <see cref="RandomSequenceTests"/> leave out. They are not the same each time.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class SocketSequenceTests
{
    private static readonly string[] Resources =
    [
        "example.com/gpu",
        "example.com/dual",
        "example.com/edu",
        "example.com/noacs",
        "example.com/vf",
        "example.com/nic-a",
        "example.com/nvme-vf",
    ];

    private static readonly string[] Policies =
    [
        Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings"),
        Desired.HostDevice("dual", "0000:45:00.0", pci: ", members: [{function: 1, assigned: false}]"),
        Desired.HostDevice("edu", "0000:46:00.0"),
        Desired.HostDevice("noacs", "0000:86:00.0"),
        Desired.HostDevice("undeclared", "0000:83:00.0"),
        Desired.Vfs(2),
        Desired.Vfs(5),
        Desired.Vfs(3, more: "disruption: Cordon"),
        Desired.Vfs(8),
    ];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_happens_nothing_held_is_disturbed_and_the_node_comes_back(int seed)
    {
        var random = new Random(seed);
        var node = new SimulatedNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Nothing);
        var run = new Sequence(bench, node, random);
        for (var i = 0; i < 18; i++)
            await run.StepAsync();

        run.CheckNobodyDisturbed();
        await run.EndAllUseAsync();
        bench.Desire(Desired.Nothing);
        await Waiting.UntilAsync(
            () => bench.Host.Journal.State.Ownership is { Functions.Count: 0, PhysicalFunctions.Count: 0 },
            60,
            () => $"seed {seed}: {run}; {bench.Status.ToJsonString()}"
        );
        Assert.Null(bench.Kubelet.CauseOfDeath);
        var diff = TreeSnapshot.Diff(before, node.Snapshot());
        Assert.True(diff.IsEmpty, $"seed {seed}: {run}\n{string.Join('\n', diff)}");
    }

    private sealed class Sequence(ScenarioBench bench, SimulatedNode node, Random random)
    {
        private readonly List<string> _done = [];
        private readonly List<(SimulatedProcess Process, string Address)> _holders = [];
        private int _pods;

        public override string ToString() => string.Join("; ", _done);

        public async Task StepAsync()
        {
            switch (random.Next(10))
            {
                case 0 or 1 or 9:
                    Desire();
                    break;
                case 2:
                    await AdmitAsync();
                    break;
                case 3:
                    if (bench.Kubelet.Pods.Length > 0)
                        Delete(bench.Kubelet.Pods[random.Next(bench.Kubelet.Pods.Length)]);
                    break;
                case 4:
                    Hold();
                    break;
                case 5:
                    LetGo();
                    break;
                case 6:
                    _done.Add("restart agent");
                    await bench.StopAgentAsync();
                    bench.StartAgent();
                    break;
                case 7:
                    _done.Add("restart kubelet");
                    await bench.Kubelet.RestartAsync();
                    break;
                default:
                    var fault = random.Next(1, 6);
                    _done.Add($"EIO at write {fault} from here");
                    node.Kernel.Faults.FailWrite(fault, Errno.EIO);
                    break;
            }

            await SettleAsync();
            CheckNobodyDisturbed();
        }

        /// <summary>The kernel asked nobody for a device back: no unbind and no removal was issued on something held.</summary>
        public void CheckNobodyDisturbed()
        {
            foreach (var (process, address) in _holders)
                Assert.True(process.Requests == 0, $"{address} was asked back from its holder: {this}");
            Assert.True(node.Kernel.BlockedWrites.IsEmpty, $"a write blocks: {string.Join(", ", node.Kernel.BlockedWrites)}: {this}");
            Assert.True(bench.Kubelet.CauseOfDeath is null, $"{bench.Kubelet.CauseOfDeath}: {this}");
        }

        public async Task EndAllUseAsync()
        {
            while (_holders.Count > 0)
                LetGo();
            foreach (var pod in bench.Kubelet.Pods)
                Delete(pod);
            await SettleAsync();
        }

        private void Desire()
        {
            var chosen = Policies.Where(_ => random.Next(2) == 0).DistinctBy(p => p.Split('\n')[1]).ToArray();
            _done.Add($"desire {string.Join(",", chosen.Select(InWords))}");
            bench.Desire(chosen.Length == 0 ? Desired.Nothing : Desired.Policies(chosen));
        }

        private static string InWords(string policy)
        {
            var lines = policy.Split('\n');
            string?[] words = [lines[1], lines.FirstOrDefault(l => l.Contains("numVfs", StringComparison.Ordinal))];
            return string.Join(' ', words.OfType<string>().Select(l => l.Trim()));
        }

        private async Task AdmitAsync()
        {
            var resource = Resources[random.Next(Resources.Length)];
            if (bench.Kubelet.Allocatable(resource) is not > 0)
                return;
            var pod = await bench.Kubelet.AdmitPodAsync(
                "vms",
                $"vm-{++_pods}",
                new Dictionary<string, int>(StringComparer.Ordinal) { [resource] = 1 }
            );
            _done.Add($"pod for {resource}: {pod.Phase} {pod.Message}");
        }

        private void Delete(SimulatedPod pod)
        {
            _done.Add($"delete {pod.Name}");
            bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        }

        private void Hold()
        {
            var offered = bench
                .Host.Allocator.Catalog.Units.Values.Where(u => u.Problem is null)
                .Select(u => u.Unit.Primary.ToString())
                .ToList();
            if (offered.Count == 0)
                return;
            var address = offered[random.Next(offered.Count)];
            if (node.Kernel.GroupOf(address) is not { } group || node.Kernel.DriverOf(address) != "vfio-pci")
                return;
            var process = node.Kernel.Processes.Start("qemu-system-x86");
            var (error, file) = process.OpenGroup(group);
            if (file is null || !file.SetContainer().IsSuccess || file.OpenDevice(address).File is null)
            {
                process.Exit();
                return;
            }

            _done.Add($"hold {address} ({error})");
            _holders.Add((process, address));
        }

        private void LetGo()
        {
            if (_holders.Count == 0)
                return;
            var (process, address) = _holders[0];
            _done.Add($"let go of {address}");
            _holders.RemoveAt(0);
            process.Exit();
        }

        // Two rounds of the loop, so that what was said is known and begun; not that it is over: what comes next shall meet it half-way.
        private async Task SettleAsync()
        {
            var rounds = bench.Host.Agent.Reconciles;
            bench.Host.Agent.Wake();
            await Waiting.UntilAsync(() => bench.Host.Agent.Reconciles > rounds, 30, ToString);
        }
    }
}
