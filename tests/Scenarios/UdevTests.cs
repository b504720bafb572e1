using System.Diagnostics;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A host with udevd and a rule of its own for VFIO's nodes: it sets their owner some time after the bind, and again whenever somebody
/// triggers it (contracts/kernel.md, Uevents).
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed class UdevTests
{
    private const string Edu = "0000:46:00.0";
    private const string Rule = "/etc/udev/rules.d/99-hostdev-test.rules";
    private static readonly NodeOwner Udevs = new(1234, 1234, 0x1a4); // 0644
    private static readonly NodeOwner Policys = new(107, 107, 0x1b0); // 0660

    [LabFact]
    public async Task A_pod_gets_the_owner_that_its_policy_says_whatever_udev_made_of_the_node()
    {
        var node = new RealNode();
        Directory.CreateDirectory(Path.GetDirectoryName(Rule)!);
        File.WriteAllText(Rule, "SUBSYSTEM==\"vfio\", OWNER=\"1234\", GROUP=\"1234\", MODE=\"0644\"\n");
        using var udevd = Process.Start(new ProcessStartInfo("/lib/systemd/systemd-udevd") { UseShellExecute = false })!;
        try
        {
            await Waiting.UntilAsync(() => Command.Try("udevadm", "control", "--ping") is null, node.PatienceSeconds);
            await using var bench = await ScenarioBench.StartAsync(
                node,
                Desired.Policies(Desired.HostDevice("edu", Edu, "deviceFile: {uid: 107, gid: 107, mode: \"0660\"}"))
            );
            await bench.ReadyAsync();
            var group = $"/dev/vfio/{Path.GetFileName(new DirectoryInfo($"/sys/bus/pci/devices/{Edu}/iommu_group").LinkTarget!)}";
            await bench.UntilAsync(() => Owner(node, group) == Udevs); // udev was there after the bind

            var pod = await bench.Kubelet.AdmitPodAsync(
                "vms",
                "vm-1",
                new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
            );
            Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
            Assert.Equal(Policys, Owner(node, group));

            // The next pod's answer finds it changed again.
            bench.Kubelet.DeletePod("vms", "vm-1");
            await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.IsEmpty);
            Command.Run("udevadm", "trigger", "--action=change", "--subsystem-match=vfio");
            Command.Run("udevadm", "settle");
            await bench.UntilAsync(() => Owner(node, group) == Udevs);
            pod = await bench.Kubelet.AdmitPodAsync(
                "vms",
                "vm-2",
                new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
            );
            Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
            Assert.Equal(Policys, Owner(node, group));
        }
        finally
        {
            await AgentProcess.TerminateAsync(udevd);
            File.Delete(Rule);
            Directory.Delete("/run/udev", recursive: true); // by which dmsetup, for one, takes it for running and waits for it
        }
    }

    private static NodeOwner Owner(RealNode node, string path) => node.Machine.Calls.ReadOwner(path).Owner;
}
