using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using static Hostdev.Sandbox.Demo.DemoPolicies;

namespace Hostdev.Sandbox.Demo;

/// <summary>What is made, or taken from its host, only while a VM has it.</summary>
internal sealed partial class ClusterStory
{
    private const string SpareNics = "example.com/spare-nic";
    private const string Desk = "vm-desk";
    private const string Burst = "vm-burst";
    private const string Dongles = "example.com/dongle";
    private const string Licensed = "vm-licensed";
    private const string Tapes = "example.com/tape";
    private const string Changers = "example.com/tape-changer";
    private const string Backup = "nightly-backup";

    private ImmutableArray<MdevRow> _kept;

    private async Task VgpusAsync(ClusterChapter c)
    {
        await ApplyAsync(c, "vgpus");
        await ApplyAsync(c, "vgpus-on-demand");
        await c.ConditionAsync("mdevprofiles", "t4-1q", ConditionTypes.Ready, "True");
        await c.ConditionAsync("mdevprofiles", "p4-1b", ConditionTypes.Ready, "True");
        c.Check(
            "the kubelet has two, and four that may be made",
            Sight.First(Allocatable(c, "net-1", Vgpus, 2), Allocatable(c, "net-1", DeskVgpus, 4))
        );
        _kept = Mdevs(c);
        c.Check("two are there, and of the four none", Sight.First(Sight.Vgpus(_kept, Vgpu, 2), Sight.Vgpus(_kept, DeskVgpu, 0)));
        foreach (var made in _kept)
            c.Fact($"{made.Type} on {made.Parent}: {made.Uuid}");
        await PermittedAsync(c, "mdevprofiles", "p4-1b", $"mdevNameSelector: \"{DeskVgpu}\"");
    }

    private static async Task SpareNicAsync(ClusterChapter c)
    {
        var writes = c.Cluster.Node("mixed-1").Kernel.Writes.All.Length;
        await ApplyAsync(c, "late-nic");
        await c.ConditionAsync("hostdevices", "spare-nics", ConditionTypes.Ready, "True");
        c.Check("the kubelet has the card", Allocatable(c, "mixed-1", SpareNics, 1));
        c.Check("the host has both of its ports", Ports(c, "e1000e"));
        c.Check("nothing is written to its machine", c.Cluster.Node("mixed-1").Kernel.Writes.All.Length == writes ? null : "something was");
        c.Fact($"{DemoMachine.DualPort} and {DemoMachine.DualPortSecond} are on e1000e before any VM asks; 0 writes");
        await PermittedAsync(c, "hostdevices", "spare-nics", "pciVendorSelector: \"8086:105E\"");
    }

    private static async Task StartBorrowersAsync(ClusterChapter c)
    {
        await StartVmAsync(c, "net-1", Desk, new DeviceRequest(DeskVgpus, 1));
        var made = Mdevs(c);
        c.Check("one vGPU was made for it", Sight.First(Sight.Vgpus(made, DeskVgpu, 1), Sight.Vgpus(made, Vgpu, 2)));
        var given = made.Single(m => m.Type == DeskVgpu);
        c.Fact($"{given.Type} on {given.Parent}: {given.Uuid}, made for {Desk}");
        await StartVmAsync(c, "mixed-1", Burst, new DeviceRequest(SpareNics, 1));
        c.Check("the card has left its host", Ports(c, "vfio-pci"));
        c.Fact($"{DemoMachine.DualPort} and {DemoMachine.DualPortSecond} are on vfio-pci while {Burst} has them");
        await c.PromiseAsync(
            "the policies say what is allocated",
            () => Sight.First(Allocated(c, "mdevprofiles", "p4-1b", 1), Allocated(c, "hostdevices", "spare-nics", 1))
        );
    }

    private async Task EndBorrowersAsync(ClusterChapter c)
    {
        await EndPodAsync(c, Desk);
        await EndPodAsync(c, Burst);
        await c.PromiseAsync("the vGPU that was made for its VM is gone", () => Sight.Vgpus(Mdevs(c), DeskVgpu, 0));
        await c.PromiseAsync("the card is back on its host's driver", () => Ports(c, "e1000e"));
        c.Check("no VM was asked for anything", Sight.First(NobodyWasAsked(c, "net-1"), NobodyWasAsked(c, "mixed-1")));
        c.Check("the two that were made once are there still", Mdevs(c).SequenceEqual(_kept) ? null : "they are not");
        await c.PromiseAsync(
            "all of it is offered to the next VM",
            () => Sight.First(Allocatable(c, "net-1", DeskVgpus, 4), Allocatable(c, "mixed-1", SpareNics, 1))
        );
        c.Fact($"{DemoMachine.DualPort} and {DemoMachine.DualPortSecond} are on e1000e again");
    }

    private static async Task DongleAsync(ClusterChapter c)
    {
        var machine = c.Cluster.Node("mixed-1").Kernel;
        await ApplyAsync(c, "usb-dongle");
        await c.ConditionAsync("hostdevices", "dongles", ConditionTypes.Ready, "True");
        c.Check("the kubelet has it", Allocatable(c, "mixed-1", Dongles, 1));
        await PermittedAsync(c, "hostdevices", "dongles", "product: \"0001\"");
        await StartVmAsync(c, "mixed-1", Licensed, new DeviceRequest(Dongles, 1));
        var pod = c.Cluster.Node("mixed-1").Kubelet.Pods.Single(p => p.Name == Licensed);
        var node = pod.DeviceNodes.Single();
        c.Check($"{node} is qemu's", Owner(machine, node) == 107 ? null : $"it belongs to {Owner(machine, node)}");
        c.Fact($"{DemoMachine.Dongle} is {node}, owned by 107, while {Licensed} has it");
        await EndPodAsync(c, Licensed);
        await c.PromiseAsync("its node is root's again", () => Owner(machine, node) == 0 ? null : $"it belongs to {Owner(machine, node)}");
        await c.PromiseAsync("it is offered to the next VM", () => Allocatable(c, "mixed-1", Dongles, 1));
    }

    private static async Task BackUpAsync(ClusterChapter c)
    {
        var node = c.Cluster.Node("mixed-1");
        await ApplyAsync(c, "scsi-tape");
        await c.ConditionAsync("hostdevices", "tapes", ConditionTypes.Ready, "True");
        await c.ConditionAsync("hostdevices", "changer", ConditionTypes.Ready, "True");
        c.Check("the kubelet has both drives, and the changer", Offered(2, 1));
        var pod = await StartPodAsync(c, "mixed-1", Backup, new DeviceRequest(Tapes, 1), new DeviceRequest(Changers, 1));
        var drive = pod.Envs["SCSI_RESOURCE_EXAMPLE_COM_TAPE"];
        var model = node.Kernel.Paths.Resolve($"/sys/bus/scsi/devices/{drive}/model");
        c.Check($"{drive} is a drive", File.ReadAllText(model).Trim() == "ULT3580-TD8" ? null : $"{model} says otherwise");
        var generic = pod.DeviceNodes.Where(n => n.StartsWith("/dev/sg", StringComparison.Ordinal)).ToList();
        c.Check("the generic nodes of both are in the pod", generic.Count == 2 ? null : $"it has {string.Join(", ", pod.DeviceNodes)}");
        c.Fact($"a drive is {drive} and the changer {pod.Envs["SCSI_RESOURCE_EXAMPLE_COM_TAPE-CHANGER"]} while {Backup} has them");
        await EndPodAsync(c, Backup);
        await c.PromiseAsync("all of them are offered to the next pod", () => Offered(2, 1));

        string? Offered(int drives, int changers) =>
            Sight.First(Allocatable(c, "mixed-1", Tapes, drives), Allocatable(c, "mixed-1", Changers, changers));
    }

    private static int Owner(SimulatedKernel machine, string node) => machine.Calls.ReadOwner(node).Owner.Uid;

    private static ImmutableArray<MdevRow> Mdevs(ClusterChapter c) => MdevRow.Read(c.Cluster.Node("net-1").Kernel.Paths);

    private static string? Ports(ClusterChapter c, string driver) =>
        ((string[])[DemoMachine.DualPort, DemoMachine.DualPortSecond])
            .Where(port => NodeReading.DriverOf(c.Cluster.Node("mixed-1").Kernel.Paths, port) != driver)
            .Select(port => $"{port} is not on {driver}")
            .FirstOrDefault();

    /// <summary>What the policy's status says that KubeVirt must permit.</summary>
    private static Task PermittedAsync(ClusterChapter c, string plural, string name, string entry) =>
        c.PromiseAsync(
            "the policy says what KubeVirt must permit",
            () =>
                (string?)c.Cluster.Server.Objects.Get($"{plural}.hostdev.io", name)?["status"]?["kubevirt"] is { } said
                    ? said.Contains(entry, StringComparison.Ordinal)
                        ? null
                        : $"{name} says \"{said}\""
                    : $"{name} says nothing of KubeVirt"
        );
}
