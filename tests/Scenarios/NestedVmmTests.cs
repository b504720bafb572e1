using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What a pod was told, given to a real VMM and to nobody else: QEMU's firmware sees the stick and the disk, from nothing but the variables
/// and the nodes of the answers.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed class NestedVmmTests
{
    [LabFact]
    public async Task A_VM_sees_the_stick_and_the_disk_and_when_its_VMM_is_killed_both_are_the_host_s_again()
    {
        var node = new RealNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0"), Desired.ScsiDevice("disk", "serial: LABSCSI0"))
        );
        await bench.ReadyAsync();
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/stick"] = 1, ["example.com/disk"] = 1 }
        );
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var generic = pod.DeviceNodes.Single(n => n.StartsWith("/dev/sg", StringComparison.Ordinal));
        using (var vm = new NestedVmm([.. NestedVmm.Usb(pod.Envs["USB_RESOURCE_EXAMPLE_COM_STICK"]), .. NestedVmm.Scsi(generic)]))
        {
            await vm.SaysAsync("virtio-scsi vendor='QEMU' product='QEMU HARDDISK'", node.PatienceSeconds);
            await vm.SaysAsync("USB MSC vendor='QEMU' product='QEMU HARDDISK'", node.PatienceSeconds);
            Assert.True(vm.Runs);
            Assert.Equal("usbfs", Driver());
        }

        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);
        Assert.Equal("usb-storage", Driver());
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/stick") == 1);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/disk") == 1);
    }

    private static string? Driver() => Path.GetFileName(new DirectoryInfo("/sys/bus/usb/devices/2-1:1.0/driver").LinkTarget);
}
