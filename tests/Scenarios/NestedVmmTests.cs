using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Shipped;
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
    /// <summary>
    /// What QEMU does with a stick and a disk when a guest's drivers run them, beside what its firmware does: an emulated kernel on an
    /// emulated one takes minutes to boot, so this runs with <c>hack/lab test --nested</c> alone.
    /// </summary>
    [LabFact]
    [Trait(ShippedPrograms.Needs, LabFacts.Nested)]
    public async Task A_guest_reads_what_the_host_wrote_to_the_stick_and_the_disk_and_the_host_what_the_guest_wrote()
    {
        await using var bench = await BenchAsync();
        await bench.ReadyAsync();
        var stick = await StickAsync();
        var pod = await PodAsync(bench);
        var disk = pod.DeviceNodes.Single(n => n.StartsWith("/dev/sd", StringComparison.Ordinal));
        var generic = pod.DeviceNodes.Single(n => n.StartsWith("/dev/sg", StringComparison.Ordinal));
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await BothFreeAsync(bench);
        Write(stick, FromHost, "host to stick");
        Write(disk, FromHost, "host to disk");
        try
        {
            pod = await PodAsync(bench);
            using (var guest = new NestedGuest(Guest))
            using (
                var vm = new NestedVmm([
                    .. guest.Arguments,
                    .. NestedVmm.Usb(pod.Envs["USB_RESOURCE_EXAMPLE_COM_STICK"]),
                    .. NestedVmm.Scsi(generic),
                ])
            )
            {
                await vm.SaysAsync("GUEST: usb: host to stick", BootSeconds);
                await vm.SaysAsync("GUEST: virtio: host to disk", BootSeconds);
                await vm.SaysAsync("GUEST: done", BootSeconds);
            }

            bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
            await BothFreeAsync(bench);
            stick = await StickAsync();
            Assert.Equal("guest to usb", Read(stick, FromGuest));
            Assert.Equal("guest to virtio", Read(disk, FromGuest));
        }
        finally
        {
            foreach (var place in (int[])[FromHost, FromGuest])
            {
                Write(stick, place, "");
                Write(disk, place, "");
            }
        }
    }

    [LabFact]
    public async Task A_VM_sees_the_stick_and_the_disk_and_when_its_VMM_is_killed_both_are_the_host_s_again()
    {
        await using var bench = await BenchAsync();
        await bench.ReadyAsync();
        var pod = await PodAsync(bench);
        var generic = pod.DeviceNodes.Single(n => n.StartsWith("/dev/sg", StringComparison.Ordinal));
        using (var vm = new NestedVmm([.. NestedVmm.Usb(pod.Envs["USB_RESOURCE_EXAMPLE_COM_STICK"]), .. NestedVmm.Scsi(generic)]))
        {
            await vm.SaysAsync("virtio-scsi vendor='QEMU' product='QEMU HARDDISK'", 240);
            await vm.SaysAsync("USB MSC vendor='QEMU' product='QEMU HARDDISK'", 240);
            Assert.True(vm.Runs);
            Assert.Equal("usbfs", Driver());
        }

        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);
        Assert.Equal("usb-storage", Driver());
        await BothFreeAsync(bench);
    }

    private const double BootSeconds = 900;

    /// <summary>Sectors of 512 bytes: where a host writes and a guest reads, and the other way round.</summary>
    private const int FromHost = 2048;
    private const int FromGuest = 2049;

    private const string Guest = """
        tries=0
        while [ $(ls -d /sys/block/sd* | wc -l) -lt 2 ] && [ $tries -lt 600 ]; do sleep 1; tries=$((tries + 1)); done
        for disk in /sys/block/sd*; do
          case $(readlink -f $disk) in */usb*) by=usb;; *) by=virtio;; esac
          echo "GUEST: $by: $(dd if=/dev/${disk##*/} bs=512 skip=2048 count=1 2>/dev/null | tr -d '\000')"
          echo "guest to $by" | dd of=/dev/${disk##*/} bs=512 seek=2049 conv=sync,fsync 2>/dev/null
        done
        sync; echo "GUEST: done"
        """;

    private static async Task<ScenarioBench> BenchAsync() =>
        await ScenarioBench.StartAsync(
            new RealNode(),
            Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0"), Desired.ScsiDevice("disk", "serial: LABSCSI0"))
        );

    private static async Task<SimulatedPod> PodAsync(ScenarioBench bench)
    {
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/stick"] = 1, ["example.com/disk"] = 1 }
        );
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        return pod;
    }

    private static async Task BothFreeAsync(ScenarioBench bench)
    {
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/stick") == 1);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/disk") == 1);
    }

    /// <summary>The stick's disk, which the kernel finds a second after its driver.</summary>
    private static async Task<string> StickAsync()
    {
        const string Disks = "shopt -s nullglob; echo /sys/bus/usb/devices/2-1:1.0/host*/target*/*/block/*";
        static string[] Found() => Command.Read("bash", "-c", Disks).Split();
        await Waiting.UntilAsync(() => Found() is [{ Length: > 0 }], 60);
        return $"/dev/{Path.GetFileName(Found()[0])}";
    }

    /// <summary>Past the page cache, which knows nothing of what a VMM writes to a generic node.</summary>
    private static void Write(string disk, int sector, string words) =>
        Command.Run(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            "{ printf %s \"$3\"; head -c $((512 - ${#3})) /dev/zero; } | dd of=\"$1\" bs=512 seek=\"$2\" iflag=fullblock oflag=direct",
            "write",
            disk,
            $"{sector}",
            words
        );

    private static string Read(string disk, int sector) =>
        Command.Read(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            "dd if=\"$1\" bs=512 skip=\"$2\" count=1 iflag=direct | tr -d '\\000'",
            "read",
            disk,
            $"{sector}"
        );

    private static string? Driver() => Path.GetFileName(new DirectoryInfo("/sys/bus/usb/devices/2-1:1.0/driver").LinkTarget);
}
