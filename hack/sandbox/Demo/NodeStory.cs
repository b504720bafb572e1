using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using static Hostdev.Sandbox.Demo.DemoPolicies;

namespace Hostdev.Sandbox.Demo;

/// <summary>
/// The node half of Hostdev, told from the bare machine to the bare machine. What is promised is looked up on the machine and in the
/// kubelet.
/// </summary>
/// <param name="seed">Chooses the write after which the agent is killed.</param>
internal sealed partial class NodeStory(TreeSnapshot beginning, int seed)
{
    private const string Render = "vm-render";
    private const string Router = "vm-router";
    private const string Edge = "vm-edge";

    private readonly Dictionary<string, SimulatedPod> _pods = [];

    public ImmutableArray<StoryStep<NodeChapter>> Steps =>
        [
            new("The agent reads the machine and touches nothing", ReadAsync, Print: true),
            new("SR-IOV: four VFs in two pools, and one for the host", MakeVfsAsync),
            new("A GPU and its audio function are taken as one", TakeGpuAsync),
            new("A port whose neighbour nobody mentioned is blocked, until the admin declares it", DeclareNeighbourAsync),
            new("A disk that is mounted stays where it is", RefuseDiskAsync),
            new("VM pods start with what KubeVirt needs", StartVmsAsync, Print: true),
            new("vGPUs: two are made at once, others only when a VM asks for one", ProfileVgpusAsync),
            new("The host's VF is offered while the host has it, once the risk is accepted", LendVfAsync),
            new("VMs get both: the vGPU is made, and the VF leaves its host driver", StartBorrowersAsync, Print: true),
            new("Those VMs end: that vGPU is gone, and the VF is back on its driver", EndBorrowersAsync),
            new("The kubelet restarts and wipes its sockets", RestartKubeletAsync),
            new("More VFs are asked for while a VM has one: the agent waits for it", GrowAsync),
            new("The agent is killed in the middle of work, and started again", KillAgentAsync),
            new("policies: [] gives the node back as it was", GiveBackAsync, Print: true),
        ];

    private static async Task ReadAsync(NodeChapter c)
    {
        var functions = NodeReading.Functions(c.Node.Kernel.Paths).ToList();
        c.Act("the agent starts; there is no desired state yet");
        c.Node.StartAgent();
        await c.PromiseAsync(
            "the agent lists every PCI function that is no bridge",
            () =>
                functions.Except(c.Status.Devices, StringComparer.Ordinal).ToList() is { Count: > 0 } missing
                    ? $"{string.Join(", ", missing)} not in its status"
                    : null
        );
        c.Check("nothing is written to the machine", c.Node.Kernel.Writes.All is [var write, ..] ? $"it wrote {write}" : null);
        c.Check("nothing is offered", c.Reading.Resources.FirstOrDefault() is { } row ? $"the kubelet has {row.Name}" : null);
        c.Fact(
            $"{functions.Count} functions, IOMMU {(c.Status.Iommu ? "on" : "off")}, interrupt remapping: "
                + $"{c.Status.InterruptRemapping}; 0 writes"
        );
    }

    private static async Task MakeVfsAsync(NodeChapter c)
    {
        c.Act("the admin writes SriovPolicy/e810: numVfs 5, VFs 0-1 storage, 2-3 tenant, 4 in no pool");
        c.Node.Desire(All(Sriov(5)));
        await c.PromiseAsync("five VFs, four of them on vfio-pci", () => c.Node.Vfs(5));
        await c.PromiseAsync(
            "the kubelet has them",
            () => Sight.First(c.Node.Allocatable(StorageVfs, 2), c.Node.Allocatable(TenantVfs, 2))
        );
        c.Check(
            "the physical function stays with the host",
            Sight.First(
                c.Node.Driver(DemoMachine.Nic, "ice"),
                Directory.Exists(c.Node.Kernel.Paths.Resolve("/sys/class/net/eth0")) ? null : "eth0 is gone"
            )
        );
        c.Fact($"{DemoMachine.Nic} carries the node's own address all the while (eth0, 192.0.2.10)");
    }

    private static async Task TakeGpuAsync(NodeChapter c)
    {
        c.Act("the admin adds HostDevice/gpu with groupPolicy HoldSiblings");
        c.Node.Desire(All(Sriov(5), Gpu));
        await c.PromiseAsync(
            "the GPU is on vfio-pci and its audio function held",
            () => Sight.First(c.Node.Driver(DemoMachine.Gpu, "vfio-pci"), c.Node.Driver(DemoMachine.GpuAudio, "pci-stub"))
        );
        await c.PromiseAsync("the kubelet has one", () => c.Node.Allocatable(GpuResource, 1));
        var held = await c.SaysAsync(
            "the agent says for whom it is held",
            p => p.Device == DemoMachine.GpuAudio && p.State == FindingState.Held
        );
        c.Check("the message names the unit", held.Message.Contains(DemoMachine.Gpu, StringComparison.Ordinal) ? null : held.Message);
    }

    private static async Task DeclareNeighbourAsync(NodeChapter c)
    {
        c.Act($"the admin adds HostDevice/nic for {DemoMachine.DualPort} alone");
        c.Node.Desire(All(Sriov(5), Gpu, Nic));
        var blocked = await c.SaysAsync("the agent blocks it", p => p.Device == DemoMachine.DualPort && p.State == FindingState.Blocked);
        foreach (var remedy in (string[])[DemoMachine.DualPortSecond, "add members:", "set groupPolicy to HoldSiblings or AssignSiblings"])
            c.Check(
                $"the message says {remedy}",
                blocked.Message.Contains(remedy, StringComparison.Ordinal) ? null : $"it says \"{blocked.Message}\""
            );
        c.Check(
            "both ports stay with the host",
            Sight.First(
                c.Node.Driver(DemoMachine.DualPort, "e1000e"),
                c.Node.Driver(DemoMachine.DualPortSecond, "e1000e"),
                c.Node.Untouched("0000:5e:00")
            )
        );
        c.Check("nothing of it is offered", c.Node.Allocatable(NicResource, 0));
        c.Act("the admin declares it: members: [{function: 1, assigned: true}]");
        c.Node.Desire(All(Sriov(5), Gpu, NicDeclared));
        await c.PromiseAsync(
            "both ports are taken",
            () => Sight.First(c.Node.Driver(DemoMachine.DualPort, "vfio-pci"), c.Node.Driver(DemoMachine.DualPortSecond, "vfio-pci"))
        );
        await c.PromiseAsync("the kubelet has one unit", () => c.Node.Allocatable(NicResource, 1));
    }

    private static async Task RefuseDiskAsync(NodeChapter c)
    {
        c.Act($"the admin adds HostDevice/disk for {DemoMachine.DataDisk}, which is in use");
        c.Node.Desire(Policies(5));
        var refused = await c.SaysAsync("the agent refuses it", p => p.Device == DemoMachine.DataDisk && p.State == FindingState.Blocked);
        c.Check(
            "the message names the mount point",
            refused.Message.Contains($"is mounted at {DemoMachine.MountPoint}", StringComparison.Ordinal)
                ? null
                : $"it says \"{refused.Message}\""
        );
        c.Check(
            "the disk was not touched",
            Sight.First(c.Node.Driver(DemoMachine.DataDisk, "nvme"), c.Node.Untouched(DemoMachine.DataDisk))
        );
        await c.PromiseAsync(
            "the kubelet has the name, and no device",
            () => c.Node.Kubelet.Capacity(DiskResource) is null ? $"{DiskResource} is not registered" : c.Node.Allocatable(DiskResource, 0)
        );
    }

    private async Task StartVmsAsync(NodeChapter c)
    {
        await StartAsync(c, Render, new DeviceRequest(GpuResource, 1));
        await StartAsync(c, Router, new DeviceRequest(NicResource, 1));
        await StartAsync(c, Edge, new DeviceRequest(StorageVfs, 1), new DeviceRequest(TenantVfs, 2));
        c.Check(
            "the GPU's audio function is kept from its VM",
            c.Node.Reaches(Render, DemoMachine.GpuAudio) ? $"{Render} can open it" : null
        );
        c.Check(
            "the second port is in its VM's reach",
            c.Node.Reaches(Router, DemoMachine.DualPortSecond) ? null : $"{Router} cannot open it"
        );
        var late = await c.Node.StartVmAsync("vm-late", new DeviceRequest(GpuResource, 1));
        c.Check("a GPU is never given twice", late.Phase == PodPhase.Failed ? null : $"vm-late is {late.Phase}");
        c.Node.EndVm(late.Name);
        c.Fact("vm-late asks for a GPU too: not admitted, the only one is vm-render's, and without its audio function");
        await c.PromiseAsync(
            "the agent knows who has what",
            () =>
                ((string[])[Render, Router, Edge]).Except(c.Status.Holders, StringComparer.Ordinal).FirstOrDefault() is { } name
                    ? $"{name} is not in its status"
                    : null
        );
    }

    private async Task StartAsync(NodeChapter c, string name, params DeviceRequest[] requests)
    {
        var pod = await c.Node.StartVmAsync(name, [.. requests]);
        _pods[name] = pod;
        c.Check(
            $"{name} starts as KubeVirt needs it",
            KubeVirtOracle.Problems(c.Node.Kernel.Paths, pod, c.Node.Kubelet.Pods).FirstOrDefault()
        );
        foreach (var (key, value) in pod.Envs)
            c.Fact($"{name}: {key}={value}");
        c.Fact($"{name}: {string.Join(' ', pod.DeviceNodes)}");
    }

    private async Task RestartKubeletAsync(NodeChapter c)
    {
        var before = c.Reading.Resources;
        var registered = c.Node.Kubelet.Registrations;
        await c.Node.Kubelet.StopAsync();
        c.Act("the kubelet ends; on its way up it deletes every socket in its directory");
        await c.Node.Kubelet.StartAsync();
        var since = TimeProvider.System.GetTimestamp();
        await c.PromiseAsync(
            "every resource is registered anew and offered as before",
            () =>
                before
                    .Select(r =>
                        c.Node.Kubelet.Registrations.GetValueOrDefault(r.Name) > registered.GetValueOrDefault(r.Name)
                            ? c.Node.Allocatable(r.Name, r.Allocatable)
                            : $"{r.Name} is not registered"
                    )
                    .FirstOrDefault(p => p is not null)
        );
        c.Fact(
            $"{before.Length} resources registered again within "
                + $"{StoryText.Duration(TimeProvider.System.GetElapsedTime(since))} of the new kubelet.sock"
        );
        await RestartContainersAsync(c);
    }

    /// <summary>The answers of before are still good: the agent lets each container start again with them, and says so itself.</summary>
    private async Task RestartContainersAsync(NodeChapter c)
    {
        foreach (var (name, pod) in _pods)
        {
            var again = await c.Node.Kubelet.RestartContainerAsync(SandboxNode.Namespace, name);
            c.Check($"the container of {name} may restart with its old answer", again.Phase == PodPhase.Running ? null : again.Message);
            c.Check(
                $"{name} has what it had",
                // The kubelet merges the answers of several resources in any order.
                again.Envs.OrderBy(e => e.Key, StringComparer.Ordinal).SequenceEqual(pod.Envs.OrderBy(e => e.Key, StringComparer.Ordinal))
                && again.DeviceNodes.ToHashSet(StringComparer.Ordinal).SetEquals(pod.DeviceNodes)
                    ? null
                    : "its answer is another"
            );
            c.Check(
                $"{name} still suits KubeVirt",
                KubeVirtOracle.Problems(c.Node.Kernel.Paths, again, c.Node.Kubelet.Pods).FirstOrDefault()
            );
        }

        c.Check("no VM lost a device", c.Node.NobodyWasAsked());
        c.Fact($"{string.Join(", ", _pods.Keys)}: the containers may restart with the answers they had");
    }

    private async Task GrowAsync(NodeChapter c)
    {
        c.Act("the admin sets numVfs to 8; vm-edge has three VFs, and the kernel goes from 5 to 8 only through 0");
        c.Node.Desire(Everything(8));
        var waits = await c.SaysAsync("the agent waits", p => p.Device == DemoMachine.Nic && p.State == FindingState.Waiting);
        c.Check(
            "it says for whom",
            waits.Message.Contains($"{SandboxNode.Namespace}/{Edge}", StringComparison.Ordinal) ? null : $"it says \"{waits.Message}\""
        );
        c.Check(
            "meanwhile nothing changes",
            Sight.First(c.Node.Vfs(5), c.Node.NobodyWasAsked(), c.Node.Allocatable(StorageVfs, 2), c.Node.Allocatable(TenantVfs, 2))
        );
        c.Act("vm-edge ends");
        c.Node.EndVm(Edge);
        _pods.Remove(Edge);
        await c.PromiseAsync("eight VFs", () => c.Node.Vfs(8));
        await c.PromiseAsync(
            "the kubelet has them",
            () => Sight.First(c.Node.Allocatable(StorageVfs, 2), c.Node.Allocatable(TenantVfs, 5))
        );
    }

    private async Task KillAgentAsync(NodeChapter c)
    {
        const int writes = 12; // numvfs 0, autoprobe off, numvfs 6, five overrides, autoprobe on; the rest are probes
        var nth = 1 + (int)(((uint)seed + 1) % writes);
        var killed = c.Node.KillAgentAfterWrite(nth);
        c.Act("the admin sets numVfs to 6, and the agent dies in the middle of it, as by SIGKILL");
        c.Node.Desire(Everything(6));
        await c.PromiseAsync("the agent dies", () => killed.IsCompleted ? null : "it lives");
        var last = await killed;
        c.Fact($"killed right after writing {last.Value.TrimEnd('\n')} to {last.Path}");
        c.Fact(Leftovers(c.Node));
        await c.PromiseAsync(
            "without an agent nothing is handed out",
            () => NodeReading.ResourceNames.Select(r => c.Node.Allocatable(r, 0)).FirstOrDefault(p => p is not null)
        );
        c.Check(
            "the VMs run on",
            Sight.First(
                c.Node.NobodyWasAsked(),
                c.Node.Driver(DemoMachine.Gpu, "vfio-pci"),
                c.Node.Driver(DemoMachine.DualPort, "vfio-pci")
            )
        );
        c.Act("the agent is started again");
        var since = TimeProvider.System.GetTimestamp();
        c.Node.StartAgent();
        await c.PromiseAsync("six VFs, whole", () => c.Node.Vfs(6));
        await c.PromiseAsync(
            "the kubelet has everything",
            () =>
                Sight.First(
                    c.Node.Allocatable(StorageVfs, 2),
                    c.Node.Allocatable(TenantVfs, 3),
                    c.Node.Allocatable(GpuResource, 1),
                    c.Node.Allocatable(NicResource, 1)
                )
        );
        c.Fact($"as desired {StoryText.Duration(TimeProvider.System.GetElapsedTime(since))} after the start");
        await RestartContainersAsync(c);
    }

    private async Task GiveBackAsync(NodeChapter c)
    {
        c.Act("the admin writes policies: []");
        c.Node.Desire(Nothing);
        await c.PromiseAsync(
            "what nobody has goes back at once",
            () =>
                NodeReading.VirtualFunctions(c.Node.Kernel.Paths, DemoMachine.Nic) is { Length: > 0 } left
                    ? $"{left.Length} VFs are there"
                    : null
        );
        await c.SaysAsync(
            "the agent waits for the GPU",
            p => p.Device == DemoMachine.Gpu && p.State == FindingState.Releasing && p.Message.Contains(Render, StringComparison.Ordinal)
        );
        c.Check(
            "what VMs have stays theirs",
            Sight.First(
                c.Node.Driver(DemoMachine.Gpu, "vfio-pci"),
                c.Node.Driver(DemoMachine.DualPort, "vfio-pci"),
                c.Node.NobodyWasAsked()
            )
        );
        c.Act("the VMs end");
        foreach (var name in _pods.Keys)
            c.Node.EndVm(name);
        await c.PromiseAsync(
            "the GPU goes back",
            () => Sight.First(c.Node.Driver(DemoMachine.Gpu, "nvidia"), c.Node.Driver(DemoMachine.GpuAudio, "snd_hda_intel"))
        );
        var after = beginning;
        await c.PromiseAsync(
            "the machine is as at the beginning",
            () => TreeSnapshot.Diff(beginning, after = TreeSnapshot.Take(c.Node.Kernel.Paths)) is [var line, ..] ? line : null
        );
        await c.PromiseAsync(
            "the kubelet has nothing left to give",
            () => NodeReading.ResourceNames.Select(r => c.Node.Allocatable(r, 0)).FirstOrDefault(p => p is not null)
        );
        await c.PromiseAsync("the agent's status agrees", () => c.Status.Problems is [var left, ..] ? $"it says \"{left.Message}\"" : null);
        c.Fact("the kubelet forgets resources without a plugin after five minutes; until then it has 0 of them to give");
        c.Fact($"{after.Entries.Count} files, links and nodes below /sys, /proc and /dev compared: none differs");
    }

    private static string Policies(int vfs) => All(Sriov(vfs), Gpu, NicDeclared, Disk);

    /// <summary>What the dead agent left on the physical function.</summary>
    private static string Leftovers(DemoNode node)
    {
        var vfs = NodeReading.VirtualFunctions(node.Kernel.Paths, DemoMachine.Nic);
        var driverless = vfs.Count(vf => NodeReading.DriverOf(node.Kernel.Paths, vf) is null);
        return $"left behind: {vfs.Length} VFs, {driverless} of them without a driver, autoprobe "
            + $"{(NodeReading.Read(node.Kernel.Paths, DemoMachine.Nic, "sriov_drivers_autoprobe") == "1" ? "on" : "off")}";
    }
}
