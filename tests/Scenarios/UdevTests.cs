using System.Diagnostics;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A host with udevd and a rule of its own for nodes: it sets their owner some time after the bind or the plug, and again whenever somebody
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
        await WithUdevdAsync(
            "SUBSYSTEM==\"vfio\", OWNER=\"1234\", GROUP=\"1234\", MODE=\"0644\"\n",
            async node =>
            {
                await using var bench = await ScenarioBench.StartAsync(
                    node,
                    Desired.Policies(Desired.HostDevice("edu", Edu, "deviceFile: {uid: 107, gid: 107, mode: \"0660\"}"))
                );
                await bench.ReadyAsync();
                var group = $"/dev/vfio/{Path.GetFileName(new DirectoryInfo($"/sys/bus/pci/devices/{Edu}/iommu_group").LinkTarget!)}";
                await bench.UntilAsync(() => Owner(node, group) == Udevs); // udev was there after the bind
                await AdmitAsync(bench, "vm-1", "edu");
                Assert.Equal(Policys, Owner(node, group));

                // The next pod's answer finds it changed again.
                bench.Kubelet.DeletePod("vms", "vm-1");
                await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.IsEmpty);
                Command.Run("udevadm", "trigger", "--action=change", "--subsystem-match=vfio");
                Command.Run("udevadm", "settle");
                await bench.UntilAsync(() => Owner(node, group) == Udevs);
                await AdmitAsync(bench, "vm-2", "edu");
                Assert.Equal(Policys, Owner(node, group));
            }
        );
    }

    [LabFact]
    public async Task A_stick_that_is_plugged_in_has_udev_s_owner_then_its_pod_s_and_udev_s_again()
    {
        await WithUdevdAsync(
            "SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_device\", OWNER=\"1234\", GROUP=\"1234\", MODE=\"0644\"\n",
            async node =>
            {
                await using var bench = await ScenarioBench.StartAsync(
                    node,
                    Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0"))
                );
                await bench.ReadyAsync();
                await node.UnplugAsync(UsbThing.Stick);
                await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/stick") == 0);
                await node.PlugAsync(UsbThing.Stick, 1);
                // Its disk is there a second later, and udevd looks into that too: who has it open meanwhile keeps it from being lent.
                await bench.UntilAsync(StickHasDisk);
                Command.Run("udevadm", "settle");
                await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/stick") == 1);
                var pod = await AdmitAsync(bench, "vm-1", "stick");
                var usb = pod.DeviceNodes.Single();
                Assert.Equal(Policys, Owner(node, usb));
                using (await node.HoldUsbAsync(usb))
                    Assert.Equal(Policys, Owner(node, usb)); // the events of its interface move nobody

                bench.Kubelet.DeletePod("vms", "vm-1");
                await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty && Owner(node, usb) == Udevs);
                Assert.Equal("usb-storage", Path.GetFileName(new DirectoryInfo("/sys/bus/usb/devices/2-1:1.0/driver").LinkTarget));
            }
        );
    }

    private static bool StickHasDisk() =>
        Command.Try("bash", "-c", "compgen -G '/sys/bus/usb/devices/2-1:1.0/host*/target*/*/block/*'") is null;

    private static async Task WithUdevdAsync(string rule, Func<RealNode, Task> test)
    {
        var node = new RealNode();
        Directory.CreateDirectory(Path.GetDirectoryName(Rule)!);
        File.WriteAllText(Rule, rule);
        using var udevd = Process.Start(new ProcessStartInfo("/lib/systemd/systemd-udevd") { UseShellExecute = false })!;
        try
        {
            await Waiting.UntilAsync(() => Command.Try("udevadm", "control", "--ping") is null, node.PatienceSeconds);
            await test(node);
        }
        finally
        {
            await AgentProcess.TerminateAsync(udevd);
            File.Delete(Rule);
            Directory.Delete("/run/udev", recursive: true); // by which dmsetup, for one, takes it for running and waits for it
        }
    }

    private static async Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string resource)
    {
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            name,
            new Dictionary<string, int>(StringComparer.Ordinal) { [$"example.com/{resource}"] = 1 }
        );
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        return pod;
    }

    private static NodeOwner Owner(RealNode node, string path) => node.Machine.Calls.ReadOwner(path).Owner;
}
