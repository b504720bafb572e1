using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.Operator;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Cluster.Workloads;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;

namespace Hostdev.Sandbox.Demo;

/// <summary>
/// Hostdev on a cluster of three nodes, told from bare machines to bare machines. What is promised is looked up on the machines, in the
/// kubelets and in the API server.
/// </summary>
internal sealed partial class ClusterStory
{
    private const string Label = "example.com/passthrough";
    private const string Gpus = "example.com/gpu";
    private const string Storage = "example.com/vf-storage";
    private const string Tenant = "example.com/vf-tenant";
    private const string Render = "vm-render";
    private const string Edge = "vm-edge";

    /// <summary>Shorter than in production, where a lease lasts 15 s.</summary>
    public static readonly OperatorTimings Timings = new()
    {
        StatusInterval = TimeSpan.FromSeconds(0.5),
        LeaseDuration = TimeSpan.FromSeconds(3),
        RenewDeadline = TimeSpan.FromSeconds(2),
        RetryPeriod = TimeSpan.FromSeconds(0.4),
    };

    private const string Disk = $$"""
        apiVersion: hostdev.io/v1alpha1
        kind: HostDevice
        metadata:
          name: disk
        spec:
          resourceName: example.com/disk
          nodeSelector:
            matchLabels:
              kubernetes.io/hostname: mixed-1
          devices:
            pci:
              selectors:
              - addresses: ["{{DemoMachine.DataDisk}}"]
        """;

    private readonly Dictionary<string, TreeSnapshot> _beginnings = [];

    public ImmutableArray<StoryStep<ClusterChapter>> Steps =>
        [
            new("Two operators and three agents start; nothing is touched", StartAsync, Print: true),
            new("A policy for all GPUs: nodes with the label offer them, one node after the other", GpusAsync),
            new("What cannot be meant is refused, with what to write instead", RefuseAsync),
            new("Virtual functions in two pools, on every node with such a card", VfsAsync, Print: true),
            new("A disk that is mounted stays where it is, and its policy says why", DiskAsync),
            new("VM pods start with what KubeVirt needs", StartVmsAsync, Print: true),
            new("vGPUs: two are made at once, others only when a VM asks for one", VgpusAsync),
            new("A network card is offered to VMs while its host goes on using it", SpareNicAsync),
            new("VMs get both: the vGPU is made, and the card leaves its host driver", StartBorrowersAsync, Print: true),
            new("Those VMs end: that vGPU is gone, and the card is back on its driver", EndBorrowersAsync),
            new("A USB dongle is lent to a VM with its node, and comes back", DongleAsync),
            new("A tape drive and its changer go to a pod that makes backups, whatever their numbers are", BackUpAsync),
            new("More VFs: the free node changes, the other waits for its VM", ChangeAsync),
            new("The API server goes away; an agent restarts and offers what it had", AwayAsync),
            new("The leading operator is killed; another one goes on", FailOverAsync),
            new("A node loses its label: it alone gives its GPUs back", RelabelAsync),
            new("The policies are deleted: every machine is as it was", GiveBackAsync, Print: true),
        ];

    private async Task StartAsync(ClusterChapter c)
    {
        foreach (var node in c.Cluster.Nodes)
        {
            _beginnings[node.Name] = TreeSnapshot.Take(node.Kernel.Paths);
            ClusterMembers.ShowAgent(c.Cluster.Seat, node.Name, ready: false); // its kubelet starts what the Pod says
        }

        var leader = c.Cluster.StartOperator("hostdev-operator-0", Timings, seed: 1);
        await c.PromiseAsync("one operator leads", () => leader.Host.IsLeading ? null : "hostdev-operator-0 does not lead");
        c.Cluster.StartOperator("hostdev-operator-1", Timings, seed: 2);
        await c.PromiseAsync(
            "every agent follows an empty spec and reports its machine",
            () =>
                c
                    .Cluster.Nodes.Select(n =>
                        State(c, n.Name) switch
                        {
                            null => $"{n.Name} has no NodeDeviceState",
                            { } s when s["spec"]?["policies"] is not JsonArray { Count: 0 } => $"{n.Name} has no empty list of policies",
                            { } s when s["status"]?["devices"] is not JsonArray { Count: > 0 } => $"{n.Name} reports no devices",
                            _ => null,
                        }
                    )
                    .FirstOrDefault(p => p is not null)
        );
        c.Check(
            "nothing is written to a machine",
            c.Cluster.Nodes.FirstOrDefault(n => n.Kernel.Writes.All.Length > 0) is { } written
                ? $"{written.Name}: {written.Kernel.Writes.All[0]}"
                : null
        );
        foreach (var node in c.Cluster.Nodes)
            c.Fact($"{node.Name}: {State(c, node.Name)!["status"]!["devices"]!.AsArray().Count} devices reported, 0 writes");
    }

    private static async Task GpusAsync(ClusterChapter c)
    {
        foreach (var node in (string[])["gpu-1", "mixed-1"])
            await c.Admin.LabelNodeAsync(node, Label, "true", c.Cancellation);
        c.Act($"kubectl label node gpu-1 mixed-1 {Label}=true");
        await ApplyAsync(c, "gpus");
        await c.ConditionAsync("hostdevices", "gpus", ConditionTypes.Ready, "True");
        c.Check(
            "four on one node, one on the other, none elsewhere",
            Sight.First(Allocatable(c, "gpu-1", Gpus, 4), Allocatable(c, "mixed-1", Gpus, 1), Allocatable(c, "net-1", Gpus, 0))
        );
        c.Check(
            "their audio functions are held",
            c.Cluster.Node("gpu-1").Kernel.Paths is var paths && NodeReading.DriverOf(paths, "0000:11:00.1") == "pci-stub"
                ? null
                : "0000:11:00.1 is not on pci-stub"
        );
        c.Check("one node after the other", OneAfterTheOther(c, "gpus"));
        c.Fact("gpu-1 was ready before mixed-1 was told (rollout.maxUnavailable: 1)");
    }

    private static async Task RefuseAsync(ClusterChapter c)
    {
        await RefusedAsync(
            c,
            "no nodeSelector",
            "HostDevice",
            "resourceName: example.com/x\n  devices: {pci: {selectors: [{vendor: \"10de\"}]}}",
            "nodeSelector: {}"
        );
        await RefusedAsync(
            c,
            "numVfs: -1",
            "SriovPolicy",
            "nodeSelector: {}\n  physicalFunctions: [{vendor: \"8086\"}]\n  numVfs: -1",
            "numVfs"
        );
        await RefusedAsync(
            c,
            "a selector without a property",
            "HostDevice",
            "nodeSelector: {}\n  resourceName: example.com/x\n  devices: {pci: {selectors: [{}]}}",
            "select"
        );
        await RefusedAsync(
            c,
            "a misspelt field",
            "HostDevice",
            "nodeSelector: {}\n  resourceName: example.com/x\n  devices: {pci: {selectors: [{vender: \"10de\"}]}}",
            "vender"
        );
    }

    private static async Task VfsAsync(ClusterChapter c)
    {
        await ApplyAsync(c, "e810");
        await c.ConditionAsync("sriovpolicies", "e810", ConditionTypes.Ready, "True");
        c.Check(
            "two ports on net-1, one on mixed-1",
            Sight.First(
                Allocatable(c, "net-1", Storage, 4),
                Allocatable(c, "net-1", Tenant, 4),
                Allocatable(c, "mixed-1", Storage, 2),
                Allocatable(c, "mixed-1", Tenant, 2),
                Allocatable(c, "gpu-1", Storage, 0)
            )
        );
        c.Check(
            "VF 4 is the host's",
            NodeReading.VirtualFunctions(c.Cluster.Node("mixed-1").Kernel.Paths, DemoMachine.Nic) is [.., var last]
            && NodeReading.DriverOf(c.Cluster.Node("mixed-1").Kernel.Paths, last) == "iavf"
                ? null
                : "it is not on iavf"
        );
    }

    private static async Task DiskAsync(ClusterChapter c)
    {
        c.Act($"kubectl apply: HostDevice/disk for {DemoMachine.DataDisk} of mixed-1, which is in use");
        c.Check("the API server takes it", await c.Admin.ApplyAsync(Disk, c.Cancellation));
        await c.ConditionAsync("hostdevices", "disk", ConditionTypes.Degraded, "True", Reasons.Blocked);
        var message = c.Cluster.Server.Objects.Get("hostdevices.hostdev.io", "disk")!["status"]!["problems"]![0]!["message"]!.ToString();
        c.Check(
            "the message names the mount point",
            message.Contains($"is mounted at {DemoMachine.MountPoint}", StringComparison.Ordinal) ? null : $"it says \"{message}\""
        );
        var mixed = c.Cluster.Node("mixed-1");
        c.Check(
            "the disk was not touched",
            mixed.Kernel.Writes.All.FirstOrDefault(w =>
                w.Path.Contains(DemoMachine.DataDisk, StringComparison.Ordinal)
                || w.Value.Contains(DemoMachine.DataDisk, StringComparison.Ordinal)
            )
                is { } write
                ? $"the agent wrote {write}"
                : null
        );
        c.Check(
            "it stays on its driver",
            NodeReading.DriverOf(mixed.Kernel.Paths, DemoMachine.DataDisk) is "nvme" ? null : "it is not on nvme"
        );
    }

    private static async Task StartVmsAsync(ClusterChapter c)
    {
        await StartVmAsync(c, "gpu-1", Render, new DeviceRequest(Gpus, 2));
        await StartVmAsync(c, "net-1", Edge, new DeviceRequest(Storage, 1), new DeviceRequest(Tenant, 2));
        await c.PromiseAsync(
            "the policies say what is allocated",
            () => Sight.First(Allocated(c, "hostdevices", "gpus", 2), Allocated(c, "sriovpolicies", "e810", 3))
        );
    }

    private static async Task ChangeAsync(ClusterChapter c)
    {
        c.Act("kubectl apply: SriovPolicy/e810 with numVfs 8; vm-edge has three VFs of net-1");
        c.Check(
            "the API server takes it",
            await c.Admin.ApplyAsync(
                ClusterAdmin.Example("e810").Replace("numVfs: 5", "numVfs: 8", StringComparison.Ordinal),
                c.Cancellation
            )
        );
        var held = HeldPort(c);
        await c.PromiseAsync("mixed-1 changes", () => NumVfs(c, "mixed-1", DemoMachine.Nic, 8));
        await c.ConditionAsync("sriovpolicies", "e810", ConditionTypes.Progressing, "True", Reasons.WaitsForUsers);
        c.Check("meanwhile the VM's port is as it was", Sight.First(NumVfs(c, "net-1", held, 5), NobodyWasAsked(c, "net-1")));
        await EndPodAsync(c, Edge);
        await c.PromiseAsync(
            "net-1 changes too",
            () => Sight.First(NumVfs(c, "net-1", "0000:3b:00.0", 8), NumVfs(c, "net-1", "0000:3b:00.1", 8))
        );
        await c.ConditionAsync("sriovpolicies", "e810", ConditionTypes.Ready, "True");
    }

    private static async Task AwayAsync(ClusterChapter c)
    {
        var node = c.Cluster.Node("gpu-1");
        await c.Cluster.Server.StopAsync();
        c.Act("the API server is gone; the agent of gpu-1 ends and starts again");
        await node.StopAgentAsync();
        var registered = node.Kubelet.Registrations[Gpus];
        node.StartAgent();
        await c.PromiseAsync(
            "its GPUs are registered again and offered",
            () => node.Kubelet.Registrations[Gpus] > registered ? Allocatable(c, "gpu-1", Gpus, 4) : "not registered again"
        );
        var again = await node.Kubelet.RestartContainerAsync(SandboxNode.Namespace, Render);
        c.Check("the VM's container may restart meanwhile", again.Phase == PodPhase.Running ? null : again.Message);
        await c.Cluster.Server.StartAsync(c.Cancellation);
        c.Act("the API server is back");
        await c.PromiseAsync(
            "agents and operators follow it again",
            () =>
                Sight.First([
                    .. c.Cluster.Nodes.Select(n => n.Agent is not null && State(c, n.Name) is not null ? null : $"{n.Name} is not there"),
                ])
        );
    }

    private static async Task FailOverAsync(ClusterChapter c)
    {
        OperatorProcess? Leader() => c.Cluster.Operators.FirstOrDefault(o => !o.Ended.IsCompleted && o.Host.IsLeading);

        await c.PromiseAsync("an operator leads", () => Leader() is null ? "none leads" : null);
        var dead = Leader()!;
        c.Act("the leader's process is killed: its lease is not given back");
        await dead.KillAsync();
        await c.PromiseAsync("another one leads once the lease has run out", () => Leader() is null ? "they wait for the lease" : null);
        c.Check("nothing was given back", Sight.First(Allocatable(c, "gpu-1", Gpus, 4), Allocatable(c, "mixed-1", Gpus, 1)));
        await c.PromiseAsync(
            "its container was started again, and both operators are ready",
            () =>
                c
                    .Cluster.Server.Objects.List("pods", SandboxCluster.SystemNamespace)
                    .Where(p => !PodTemplate.IsReady(p))
                    .Select(p => $"{p["metadata"]!["name"]} is not ready")
                    .FirstOrDefault()
        );
    }

    private static async Task RelabelAsync(ClusterChapter c)
    {
        var others = c.Cluster.Nodes.Where(n => n.Name != "mixed-1").ToDictionary(n => n.Name, n => n.Kernel.Writes.All.Length);
        c.Act($"kubectl label node mixed-1 {Label}-");
        await c.Admin.LabelNodeAsync("mixed-1", Label, null, c.Cancellation);
        await c.PromiseAsync(
            "the GPU of mixed-1 is back on its driver",
            () =>
                NodeReading.DriverOf(c.Cluster.Node("mixed-1").Kernel.Paths, DemoMachine.Gpu) is "nvidia"
                    ? Allocatable(c, "mixed-1", Gpus, 0)
                    : "it is not on nvidia"
        );
        c.Check(
            "no other machine was written to",
            others.Where(o => c.Cluster.Node(o.Key).Kernel.Writes.All.Length != o.Value).Select(o => $"{o.Key} was").FirstOrDefault()
        );
        await c.ConditionAsync("hostdevices", "gpus", ConditionTypes.Ready, "True");
    }

    private async Task GiveBackAsync(ClusterChapter c)
    {
        await EndPodAsync(c, Render);
        c.Act("kubectl delete hostdevices,sriovpolicies,mdevprofiles --all");
        foreach (
            var (kind, name) in ((string, string)[])
                [
                    ("HostDevice", "gpus"),
                    ("HostDevice", "disk"),
                    ("HostDevice", "spare-nics"),
                    ("HostDevice", "dongles"),
                    ("HostDevice", "tapes"),
                    ("HostDevice", "changer"),
                    ("SriovPolicy", "e810"),
                    ("MdevProfile", "t4-1q"),
                    ("MdevProfile", "p4-1b"),
                ]
        )
            await c.Admin.DeleteAsync(kind, name, c.Cancellation);
        await c.PromiseAsync(
            "every file of every machine is as it was",
            () => c.Cluster.Nodes.Select(n => Different(n) is { } first ? $"{n.Name}: {first}" : null).FirstOrDefault(p => p is not null)
        );
        c.Fact("drivers, overrides, numbers of VFs, mediated devices and node owners compared, file by file");
    }

    /// <summary>
    /// The kernel numbers displays and sound cards anew in the order in which their drivers come back: that much is nobody's to restore.
    /// </summary>
    private string? Different(ClusterNode node) =>
        TreeSnapshot
            .Diff(_beginnings[node.Name], TreeSnapshot.Take(node.Kernel.Paths))
            .FirstOrDefault(d => !d.Contains("/drm/", StringComparison.Ordinal) && !d.Contains("/sound/", StringComparison.Ordinal));

    private static async Task ApplyAsync(ClusterChapter c, string example)
    {
        c.Act($"kubectl apply -f examples/cluster/{example}.yaml");
        c.Check("the API server takes it", await c.Admin.ApplyAsync(ClusterAdmin.Example(example), c.Cancellation));
    }

    private static async Task RefusedAsync(ClusterChapter c, string what, string kind, string spec, string remedy)
    {
        var words = await c.Admin.ApplyAsync(
            $"apiVersion: hostdev.io/v1alpha1\nkind: {kind}\nmetadata: {{name: wrong}}\nspec:\n  {spec}\n",
            c.Cancellation
        );
        c.Check($"{what} is refused", words is null ? "it was taken" : null);
        c.Check($"the refusal says {remedy}", words!.Contains(remedy, StringComparison.Ordinal) ? null : $"it says \"{words}\"");
        c.Act($"kubectl apply with {what}");
        c.Quote(words);
    }

    private static async Task StartVmAsync(ClusterChapter c, string node, string name, params DeviceRequest[] requests)
    {
        var pod = await StartPodAsync(c, node, name, requests);
        var machine = c.Cluster.Node(node);
        c.Check(
            $"{name} starts as KubeVirt needs it",
            KubeVirtOracle.Problems(machine.Kernel.Paths, pod, machine.Kubelet.Pods).FirstOrDefault()
        );
    }

    /// <summary>A Pod as KubeVirt makes it, and what its kubelet and the agent make of it.</summary>
    private static async Task<SimulatedPod> StartPodAsync(ClusterChapter c, string node, string name, params DeviceRequest[] requests)
    {
        c.Cluster.Server.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = SandboxNode.Namespace },
                ["spec"] = new JsonObject
                {
                    ["nodeSelector"] = new JsonObject { ["kubernetes.io/hostname"] = node },
                    ["containers"] = new JsonArray(
                        new JsonObject
                        {
                            ["name"] = "compute",
                            ["image"] = "virt-launcher",
                            ["resources"] = new JsonObject
                            {
                                ["limits"] = new JsonObject(requests.Select(r => KeyValuePair.Create(r.Resource, (JsonNode?)$"{r.Count}"))),
                            },
                        }
                    ),
                },
            }
        );
        await c.PromiseAsync(
            $"{name} is scheduled, and its kubelet has decided",
            () => Status(c, name) is { } status && (string?)status["phase"] is "Running" or "Failed" ? null : $"it is {Status(c, name)}"
        );
        var told = Status(c, name)!;
        c.Check($"{name} is admitted", (string?)told["phase"] == "Running" ? null : $"{told["message"]}");
        var pod = c.Cluster.Node(node).Kubelet.Pods.Single(p => p.Name == name);
        c.Act($"{name} starts on {node}");
        foreach (var (key, value) in pod.Envs)
            c.Fact($"{name}: {key}={value}");
        c.Fact($"{name}: {string.Join(' ', pod.DeviceNodes)}");
        return pod;
    }

    private static async Task EndPodAsync(ClusterChapter c, string name)
    {
        c.Act($"kubectl delete pod {name}");
        c.Cluster.Server.Objects.Delete("pods", name, SandboxNode.Namespace);
        await c.PromiseAsync($"{name} ends", () => Status(c, name) is null ? null : "its kubelet has not ended it");
    }

    private static JsonNode? Status(ClusterChapter c, string pod) =>
        c.Cluster.Server.Objects.Get("pods", pod, SandboxNode.Namespace)?["status"];

    /// <summary>The port of net-1 of which the VM has a function.</summary>
    private static string HeldPort(ClusterChapter c)
    {
        var node = c.Cluster.Node("net-1");
        var id = node.Kubelet.Pods.SelectMany(p => p.Devices.Values).SelectMany(d => d).First();
        return NodeReading.VirtualFunctions(node.Kernel.Paths, "0000:3b:00.0").Contains(id) ? "0000:3b:00.0" : "0000:3b:00.1";
    }

    /// <summary>Whether the second node was told before the first had reported: read off the record of requests.</summary>
    private static string? OneAfterTheOther(ClusterChapter c, string policy)
    {
        var told = c
            .Cluster.Server.Requests.Changes.Where(r =>
                r is { Resource: "nodedevicestates", Subresource: "", FieldManager: OperatorOptions.FieldManager }
            )
            .Select(r => r.Name)
            .ToList();
        var last = told.LastIndexOf("gpu-1");
        return last >= 0 && told.LastIndexOf("mixed-1") > last
            ? null
            : $"{policy}: the nodes were told in the order {string.Join(", ", told)}";
    }

    private static JsonObject? State(ClusterChapter c, string node) => c.Cluster.Server.Objects.Get("nodedevicestates.hostdev.io", node);

    private static string? Allocatable(ClusterChapter c, string node, string resource, int wanted)
    {
        var allocatable = c.Cluster.Node(node).Kubelet.Allocatable(resource) ?? 0;
        return allocatable == wanted ? null : $"the kubelet of {node} has {allocatable} of {resource} and not {wanted}";
    }

    private static string? Allocated(ClusterChapter c, string plural, string name, int wanted)
    {
        var allocated = (int?)c.Cluster.Server.Objects.Get($"{plural}.hostdev.io", name)?["status"]?["devices"]?["allocated"] ?? 0;
        return allocated == wanted ? null : $"{name} says that {allocated} are allocated and not {wanted}";
    }

    private static string? NumVfs(ClusterChapter c, string node, string port, int wanted)
    {
        var number = NodeReading.Read(c.Cluster.Node(node).Kernel.Paths, port, "sriov_numvfs");
        return number == $"{wanted}" ? null : $"sriov_numvfs of {port} on {node} is {number} and not {wanted}";
    }

    private static string? NobodyWasAsked(ClusterChapter c, string node) =>
        c.Cluster.Node(node) is var machine && machine.Vms.FirstOrDefault(v => machine.Kernel.RequestsTo(v.Value) > 0) is { Key: { } name }
            ? $"the kernel asked {name} to let go of a device"
            : null;
}
