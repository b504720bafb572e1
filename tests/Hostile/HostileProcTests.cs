using System.Collections.Immutable;
using System.Text;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// Texts of /proc and sysfs that a process, a mount or a device could show: whatever they say, a look ends, keeps little, and writes
/// nothing.
/// </summary>
public sealed class HostileProcTests
{
    private const string Machine = """
        [/proc]
        swaps = Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sda1 partition 1 0 -2
        1/comm = systemd
        1/ns/mnt ~> mnt:[4026531840]
        1/fd/
        7/comm = evil
        7/ns/mnt ~> mnt:[4026532999]
        [/sys/bus/pci/drivers]
        vfio-pci/

        """;

    private static readonly string[] MountLines =
    [
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
        "31 22 0:40 / /home rw - 9p home trans=virtio",
        "32 22 0:41 / /opt rw - tmpfs /dev/sda rw",
        "33 22 0:42 / /data rw shared:7 - btrfs /dev/sda1 rw,subvol=/",
        "34 22 0:43 / /work\\040x rw - lustre 10.0.0.1@o2ib:/work rw",
        "35 22 0:44 / /nfs rw - nfs4 198.51.100.9:/e vers=4.2,proto=rdma,addr=198.51.100.9",
    ];

    private static readonly string[] MapLines =
    [
        "7f0000000000-7f0000001000 rw-s 00000000 00:06 4                          /dev/sda",
        "7f0000100000-7f0000101000 rw-s 00000000 00:17 5  /sys/devices/pci0000:00/0000:00:1f.0/resource0",
        "00400000-00401000 r-xp 00000000 08:02 131  /usr/bin/evil",
        "7f0000200000-7f0000201000 rw-s 00000000 00:0e 1  anon_inode:[vfio-device]",
    ];

    private static readonly string[] Links =
    [
        "/dev/sda",
        "/sys/devices/pci0000:00/0000:00:1f.0/resource0",
        "/memfd:x (deleted)",
        "anon_inode:[vfio-device]",
        "socket:[123]",
        "/dev/vfio/7",
    ];

    private static readonly (string Name, string Text)[] Attributes =
    [
        ("vendor", "0x8086"),
        ("device", "0x1521"),
        ("class", "0x020000"),
        ("revision", "0x01"),
        ("subsystem_vendor", "0x8086"),
        ("subsystem_device", "0x0001"),
        ("resource", "0x00000000fa000000 0x00000000faffffff 0x0000000000140204"),
        ("uevent", "DRIVER=vfio-pci\nPCI_CLASS=30000\nPCI_ID=8086:1521\nPCI_SLOT_NAME=0000:00:1f.0"),
        ("sriov_totalvfs", "8"),
        ("sriov_numvfs", "0"),
        ("numa_node", "-1"),
        ("reset_method", "flr bus"),
        ("driver_override", "(null)"),
        ("boot_vga", "0"),
        ("label", "Onboard LAN"),
    ];

    [Fact]
    public void Whatever_mounts_maps_and_open_files_are_called_a_look_at_processes_ends_and_keeps_little()
    {
        using var machine = MachineFixture.Parse(Machine);
        var link = machine.Resolve("/proc/7/fd/3");
        Directory.CreateDirectory(machine.Resolve("/proc/7/fd"));
        Directory.CreateDirectory(machine.Resolve("/proc/7/fdinfo"));
        HostileRun.Over(
            "texts of /proc",
            seed =>
            {
                var text = new HostileText(seed);
                File.WriteAllText(machine.Resolve("/proc/7/mountinfo"), text.Of(MountLines));
                File.WriteAllText(machine.Resolve("/proc/7/maps"), text.Of(MapLines));
                File.WriteAllText(machine.Resolve("/proc/7/fdinfo/3"), text.Of(["pos:\t0", "flags:\t02000002", "mnt_id:\t26"]));
                File.Delete(link);
                if (text.NameOf(Links) is { } name)
                    File.CreateSymbolicLink(link, name);
                var calls = new ReadOnlyCalls(seed);
                var reader = new ProcessReader(machine.Paths, calls, new InPlace(), TimeProvider.System);
                var snapshot = reader.Read(
                    new OpenFileFilter(n => n.IsBlock, new PciMemory(new HostFileReader(machine.Paths), calls)),
                    LookBudget.Thorough
                );
                Assert.InRange(snapshot.Open.Length, 0, 64);
                Assert.InRange(snapshot.Mounts.Length, 0, 64);
                return snapshot.Mounts.IsEmpty;
            }
        );
    }

    [Fact]
    public void Whatever_a_device_s_attributes_say_an_inventory_and_who_uses_it_are_read()
    {
        const string device = "/sys/devices/pci0000:00/0000:00:1f.0";
        using var machine = MachineFixture.Parse(Machine);
        Directory.CreateDirectory(machine.Resolve(device));
        Directory.CreateDirectory(machine.Resolve("/sys/bus/pci/devices"));
        File.CreateSymbolicLink(machine.Resolve("/sys/bus/pci/devices/0000:00:1f.0"), "../../../devices/pci0000:00/0000:00:1f.0");
        HostileRun.Over(
            "attributes of sysfs",
            seed =>
            {
                var text = new HostileText(seed);
                foreach (var (name, value) in Attributes)
                    File.WriteAllText(machine.Resolve($"{device}/{name}"), text.Near(value) + "\n");
                var inventory = new InventoryReader(machine.Paths, TimeProvider.System).Read();
                var usage = new UsageReader(machine.Paths, new ReadOnlyCalls(seed), new NoPods(), threads: new InPlace()).Read(inventory);
                Assert.InRange(usage.ByDevice.Count, 0, 1);
                return inventory.Functions.Values.Any(f => !f.Unreadable.IsEmpty);
            }
        );
    }

    [Fact]
    public void Whatever_an_event_of_the_kernel_s_socket_says_it_is_read_or_passed_over() =>
        HostileRun.Over(
            "uevents",
            seed =>
                UeventMessage.TryParse(
                    Encoding.UTF8.GetBytes(
                        new HostileText(seed)
                            .Near(
                                "bind@/devices/pci0000:00/0000:00:1f.0",
                                "ACTION=bind",
                                "DEVPATH=/devices/pci0000:00/0000:00:1f.0",
                                "SUBSYSTEM=pci",
                                "SEQNUM=7"
                            )
                            .Replace('\n', '\0')
                    )
                )
                    is null
        );

    private sealed class InPlace : KernelThreads
    {
        public override void Start(string name, Action body) => body();
    }

    private sealed class NoPods : IPodUsage
    {
        public ImmutableArray<DeviceUser> UsersOf(DeviceId device) => [];
    }

    /// <summary>Whatever it is asked it has an answer of its own; to be asked for a change fails the run.</summary>
    private sealed class ReadOnlyCalls(int seed) : IHostCalls
    {
        public FileLook Look(string path) =>
            (seed % 5) switch
            {
                0 => FileLook.Failed(Errno.ENOENT),
                1 => FileLook.Failed(Errno.EACCES),
                2 => new FileLook(Errno.None, FileKind.Device, new DeviceNumber(seed % 2 == 0, 8, 0), 4, 0),
                3 => new FileLook(Errno.None, FileKind.File, null, 5, ulong.MaxValue),
                _ => new FileLook(Errno.None, FileKind.Anonymous, null, 5, 0),
            };

        public bool? IsOnSysfs(string path) =>
            (seed % 3) switch
            {
                0 => null,
                1 => true,
                _ => false,
            };

        public NetworkReading ReadNetwork() => new NetworkReading.Read(NetworkState.Empty);

        public NodeOwnerResult ReadOwner(string path) => new(Errno.None, new NodeOwner(0, 0, seed % 2 == 0 ? 0 : 0x180));

        public Errno WriteAttribute(string path, string value) => throw new InvalidOperationException($"{path} is written");

        public Errno WriteBelow(string directory, string file, string value) =>
            throw new InvalidOperationException($"{directory}/{file} is written");

        public BelowLook ReadBelow(string directory, string file) => new(Errno.ENOENT, 0, null);

        public Errno SetVf(string physicalFunction, string setting, string value) =>
            throw new InvalidOperationException($"{setting} of {physicalFunction} is set");

        public VfReading ReadVfs(string physicalFunction) => VfReading.Failed(Errno.ENODEV);

        public OpenResult Open(string path, OpenIntent intent) => throw new InvalidOperationException($"{path} is opened");

        public Errno SetOwner(string path, NodeOwner owner) => throw new InvalidOperationException($"{path} is given away");

        public IKernelLog FollowKernelLog() => throw new InvalidOperationException("the log is followed");
    }
}
