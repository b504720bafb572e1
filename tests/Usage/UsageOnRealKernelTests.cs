using System.Diagnostics;
using System.Runtime.InteropServices;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>
/// What the lab's own plumbing looks like to the agent: shares of the machine that runs it, a console device whose ports programs write to,
/// the kernel's console.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed partial class UsageOnRealKernelTests
{
    private static readonly HostPaths s_paths = new("/");

    [LabFact]
    public void The_real_kernel_s_shares_ports_and_consoles_are_read()
    {
        var files = new HostFileReader(s_paths);
        // with its end
        Assert.Equal(
            "labio\0",
            System.Text.Encoding.ASCII.GetString(files.ReadBytes("/sys/bus/pci/devices/0000:00:04.0/virtio3/mount_tag", out _)!)
        );
        Assert.Equal("0x0009", files.ReadText("/sys/bus/virtio/devices/virtio3/device").Text);
        Assert.Equal("0x0000000f", files.ReadText("/sys/bus/virtio/devices/virtio3/status").Text);
        Assert.Equal("4", files.ReadText("/sys/module/9pnet_virtio/refcnt").Text); // one for each mount
        Assert.Contains(
            "ttyS0",
            new KernelConsoles(
                files,
                new DeviceTree(files, new(NetworkReading () => throw new InvalidOperationException("nobody asked")))
            ).Names
        );
    }

    [LabFact]
    public void Every_share_of_the_node_is_in_use_and_so_are_the_ports_that_its_output_goes_to()
    {
        using var child = Process.Start(new ProcessStartInfo("sleep", ["600"]) { UseShellExecute = false })!; // with this test's output
        var usage = new UsageReader(s_paths, new LinuxHostCalls(s_paths), new NoPods()).Read(
            new InventoryReader(s_paths, TimeProvider.System).Read()
        );
        foreach (
            var (address, words) in (ReadOnlySpan<(string, string)>)
                [
                    ("0000:00:01.0", "labhost (9p) may be mounted where no process shows it"),
                    ("0000:00:02.0", "labroot (9p) may be mounted where no process shows it"),
                    ("0000:00:03.0", "lablayer (9p) may be mounted where no process shows it"),
                    ("0000:00:04.0", "labio (9p) is mounted at /labio"),
                ]
        )
        {
            Assert.Equal(words, usage.UsersOf(PciAddress.Parse(address))[0].Description);
        }

        child.Kill();
        var ports = usage.UsersOf(PciAddress.Parse("0000:00:06.0")).Where(u => u.Kind == UserKind.OpenNode).Select(u => u.Description);
        Assert.Contains($"/dev/vport4p1 is open in process {child.Id} (sleep)", ports);
    }

    [LabFact]
    public void A_tmpfs_over_a_function_s_directory_makes_it_used_by_nobody_and_its_true_memory_does()
    {
        var memory = new HostFileReader(s_paths).ResolveLink("/sys/bus/pci/devices/0000:46:00.0") + "/resource0";
        var directory = memory[..memory.LastIndexOf('/')];
        using (
            Command.Hold(
                // once where it is seen to be mounted, once where nothing tells any more what it is on
                $"set -e; mount -t tmpfs t {directory}; : > {memory}; exec 7< {memory}; "
                    + $"mount -t tmpfs t /mnt; mkdir -p /mnt{directory}; : > /mnt{memory}; exec 8< /mnt{memory}; umount -l /mnt",
                "unshare",
                "-Urm"
            )
        )
        {
            Assert.DoesNotContain(Edu(), w => w.Contains("resource0", StringComparison.Ordinal));
        }

        using (var driver = Command.Hold($"set -e; exec 7< {memory}", "unshare", "-m"))
            Assert.Contains($"{memory} is open in process {driver.ProcessId} (sh)", Edu());
        // A sysfs of another network namespace, and another name: it is the same memory.
        var name = $"/tmp/memory-{Guid.NewGuid():N}";
        using var other = Command.Hold(
            $"set -e; mount -t sysfs s /mnt; touch {name}; mount --bind /mnt{memory[4..]} {name}; exec 7< {name}",
            "unshare",
            "-mn"
        );
        Assert.Contains($"{name}, which is {memory}, is open in process {other.ProcessId} (sh)", Edu());

        static IEnumerable<string> Edu() => Words("0000:46:00.0");
    }

    [LabFact]
    public void A_mount_in_a_user_namespace_that_calls_a_disk_its_source_and_a_node_named_by_O_PATH_are_no_use_of_the_disk()
    {
        const string nvme = "0000:84:00.0";
        var disk = ScenarioNodes.DiskOf(s_paths, nvme);
        Assert.Empty(Words(nvme));
        using (Command.Hold($"set -e; mount -t tmpfs /dev/{disk} /opt", "unshare", "-Urm"))
            Assert.Empty(Words(nvme));
        using (var open = Command.Hold($"set -e; exec 7< /dev/{disk}"))
            Assert.Equal([$"/dev/{disk} is open in process {open.ProcessId} (sh)"], Words(nvme));
        var fd = Open("/dev/" + disk, 0x200000); // O_PATH
        try
        {
            using var child = Process.Start(new ProcessStartInfo("sleep", ["600"]) { UseShellExecute = false })!; // with that descriptor
            Assert.Contains($"/dev/{disk}", Directory.GetFileSystemEntries($"/proc/{child.Id}/fd").Select(f => new FileInfo(f).LinkTarget));
            Assert.Empty(Words(nvme));
            child.Kill();
        }
        finally
        {
            _ = Close(fd);
        }
    }

    private static IEnumerable<string> Words(string address) =>
        new UsageReader(s_paths, new LinuxHostCalls(s_paths), new NoPods())
            .Read(new InventoryReader(s_paths, TimeProvider.System).Read())
            .UsersOf(PciAddress.Parse(address))
            .Select(u => u.Description);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);

    private sealed class NoPods : IPodUsage
    {
        public System.Collections.Immutable.ImmutableArray<DeviceUser> UsersOf(DeviceId device) => [];
    }
}
