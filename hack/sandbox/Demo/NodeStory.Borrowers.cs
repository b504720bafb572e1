using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kubelet;
using static Hostdev.Sandbox.Demo.DemoPolicies;

namespace Hostdev.Sandbox.Demo;

/// <summary>What is made, or taken from the host, only while a VM has it.</summary>
internal sealed partial class NodeStory
{
    private const string Cad = "vm-cad";
    private const string Desk = "vm-desk";
    private const string Burst = "vm-burst";

    private ImmutableArray<MdevRow> _kept;

    /// <summary>All that the admin wants by the end of the story.</summary>
    public static string Everything(int vfs) => All(Sriov(vfs, lent: true), Gpu, NicDeclared, Disk, VgpuProfiles);

    private async Task ProfileVgpusAsync(NodeChapter c)
    {
        c.Act(
            $"the admin adds MdevProfile/t4-1q (Static, count 2) for {DemoMachine.VgpuCard}, "
                + $"and MdevProfile/p4-1b (OnDemand, max 4) for {DemoMachine.DeskCard}"
        );
        c.Node.Desire(All(Sriov(5), Gpu, NicDeclared, Disk, VgpuProfiles));
        await c.PromiseAsync("two vGPUs are made on their card", () => c.Node.Vgpus(Vgpu, 2));
        await c.PromiseAsync(
            "the kubelet has them, and four that may be made",
            () => Sight.First(c.Node.Allocatable(Vgpus, 2), c.Node.Allocatable(DeskVgpus, 4))
        );
        c.Check("of those four none is there", c.Node.Vgpus(DeskVgpu, 0));
        c.Check(
            "both cards stay on their driver",
            Sight.First(c.Node.Driver(DemoMachine.VgpuCard, "nvidia"), c.Node.Driver(DemoMachine.DeskCard, "nvidia"))
        );
        _kept = MdevRow.Read(c.Node.Kernel.Paths);
    }

    private static async Task LendVfAsync(NodeChapter c)
    {
        var vf = LentVf(c.Node);
        c.Act($"the admin puts VF 4 ({vf}) into a pool with binding: OnAllocate");
        c.Node.Desire(All(Sriov(5, lent: true, accepted: false), Gpu, NicDeclared, Disk, VgpuProfiles));
        var slow = await c.SaysAsync("the agent asks first", p => p.Device == vf && p.State == FindingState.Blocked);
        c.Check("the reason is the driver", slow.Reason == Risks.SlowUnbind.Reason ? null : $"it is {slow.Reason}");
        foreach (var words in (string[])["is on iavf", "use binding Static, or list SlowUnbind in acceptRisks"])
            c.Check($"the message says {words}", slow.Message.Contains(words, StringComparison.Ordinal) ? null : slow.Message);
        c.Act("the admin adds acceptRisks: [SlowUnbind]");
        var writes = c.Node.Kernel.Writes.All.Length;
        c.Node.Desire(Everything(5));
        await c.PromiseAsync("the kubelet has it", () => c.Node.Allocatable(LentVfs, 1));
        c.Check("the host has it all the while", c.Node.Driver(vf, "iavf"));
        c.Check("nothing is written to the machine", c.Node.Kernel.Writes.All.Length == writes ? null : "something was");
        c.Fact($"{vf} is on iavf before any VM asks; 0 writes");
    }

    private async Task StartBorrowersAsync(NodeChapter c)
    {
        var vf = LentVf(c.Node);
        await StartAsync(c, Cad, new DeviceRequest(Vgpus, 1));
        await StartAsync(c, Desk, new DeviceRequest(DeskVgpus, 1));
        await StartAsync(c, Burst, new DeviceRequest(LentVfs, 1));
        c.Check("one vGPU was made for it", Sight.First(c.Node.Vgpus(DeskVgpu, 1), c.Node.Vgpus(Vgpu, 2)));
        var made = MdevRow.Read(c.Node.Kernel.Paths).Single(m => m.Type == DeskVgpu).Uuid;
        c.Check($"it is what {Desk} has", _pods[Desk].Devices[DeskVgpus].Contains(made) ? null : $"{made} is not");
        c.Check($"{vf} has left the host", c.Node.Driver(vf, "vfio-pci"));
        c.Check($"{Burst} opens it", c.Node.Reaches(Burst, vf) ? null : "it cannot");
        c.Fact($"{vf} is on vfio-pci while {Burst} has it");
    }

    private async Task EndBorrowersAsync(NodeChapter c)
    {
        var vf = LentVf(c.Node);
        c.Act($"{Cad}, {Desk} and {Burst} end");
        foreach (var name in (string[])[Cad, Desk, Burst])
        {
            c.Node.EndVm(name);
            _pods.Remove(name);
        }

        await c.PromiseAsync("the vGPU that was made for its VM is gone", () => c.Node.Vgpus(DeskVgpu, 0));
        await c.PromiseAsync("the VF is back on the host's driver", () => c.Node.Driver(vf, "iavf"));
        c.Check("no VM was asked for anything", c.Node.NobodyWasAsked());
        c.Check(
            "the two that were made once are there still",
            MdevRow.Read(c.Node.Kernel.Paths).SequenceEqual(_kept) ? null : "they are not"
        );
        await c.PromiseAsync(
            "all of it is offered to the next VM",
            () => Sight.First(c.Node.Allocatable(Vgpus, 2), c.Node.Allocatable(DeskVgpus, 4), c.Node.Allocatable(LentVfs, 1))
        );
        c.Fact($"{vf} is on iavf again");
    }

    /// <summary>The VF that the host has while no VM does.</summary>
    private static string LentVf(DemoNode node) => NodeReading.VirtualFunctions(node.Kernel.Paths, DemoMachine.Nic)[4];
}
