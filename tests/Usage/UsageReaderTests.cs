using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>
/// Who uses what, beyond what the scenarios show on both kernels: hardware that the lab does not have, and what cannot be known.
/// </summary>
public sealed class UsageReaderTests : IDisposable
{
    private const string Nvme = "0000:84:00.0";
    private const string Edu = "0000:46:00.0";
    private const string Gpu = "0000:43:00.0";
    private const string Xhci = "0000:01:00.0";
    private const string Scsi = "0000:02:00.0";

    private readonly SimulatedKernel _kernel = new(LabMachine.Description);

    private string Disk => ScenarioNodes.DiskOf(_kernel.Paths, Nvme);

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void Nothing_that_nobody_uses_is_in_use() => Assert.DoesNotContain(Read().ByDevice, u => !IsTheLabsOwn(u.Key));

    [Theory]
    [InlineData(Xhci, "/dev/bus/usb/001/002", "/dev/bus/usb/001/002 is open in process 701 (reader)")]
    [InlineData(Xhci, "/dev/sdb", "/dev/sdb is open in process 701 (reader)")]
    [InlineData(Xhci, "/dev/sg2", "/dev/sg2 is open in process 701 (reader)")]
    [InlineData(Scsi, "/dev/sda", "/dev/sda is open in process 701 (reader)")]
    [InlineData(Scsi, "/dev/sg1", "/dev/sg1 is open in process 701 (reader)")]
    public void A_node_of_whatever_hangs_below_a_function_is_use_of_it_and_of_no_other(string function, string node, string words)
    {
        _kernel.Processes.Start("reader").OpenPlain(node);
        Assert.Equal([words], Words(function));
        Assert.Single(Read().ByDevice, u => !IsTheLabsOwn(u.Key) && u.Key.AsPci is not null);
    }

    /// <summary>The device itself, what it is a part of, and no neighbour.</summary>
    [Theory]
    [InlineData("/dev/bus/usb/001/002", "0000:01:00.0", "0000:01:00.0/2")]
    [InlineData("/dev/bus/usb/002/002", "0000:01:00.0", "0000:01:00.0/1")]
    [InlineData("/dev/sdb", "0000:01:00.0", "0000:01:00.0/1", "sdb")]
    [InlineData("/dev/sg2", "0000:01:00.0", "0000:01:00.0/1", "sdb")]
    [InlineData("/dev/sda", "0000:02:00.0", "sda")]
    [InlineData("/dev/sg0", "0000:02:00.0", "sda")]
    public void A_node_is_use_of_the_USB_and_the_SCSI_device_that_it_is_of(string node, params string[] devices)
    {
        _kernel.Processes.Start("reader").OpenPlain(node);
        var used = Read().ByDevice.Where(u => !IsTheLabsOwn(u.Key)).Select(u => u.Key).ToList();
        var disks = new InventoryReader(_kernel.Paths, TimeProvider.System)
            .Read()
            .ScsiDevices.ToLookup(d => d.BlockNode, d => d.Id.ToString());
        Assert.Equal(
            devices
                .Select(d => d.StartsWith("sd", StringComparison.Ordinal) ? disks["/dev/" + d].Single() : d)
                .Order(StringComparer.Ordinal),
            used.Select(d => d.ToString()).Order(StringComparer.Ordinal)
        );
    }

    [Theory]
    [InlineData(Xhci, "sdb")]
    [InlineData(Scsi, "sda")]
    public void A_disk_below_a_controller_protects_the_controller(string function, string disk)
    {
        Assert.Equal(Errno.None, _kernel.Storage.MountDisk(disk, "/data"));
        Assert.Equal([$"{disk} is mounted at /data"], Words(function));
        using var proof = Prove(function);
        Assert.Equal([$"{function}: {disk} is mounted at /data"], proof.Users);
    }

    [Fact]
    public void A_mapping_is_use_though_no_descriptor_is_left()
    {
        var resource = $"{Path("/sys/bus/pci/devices/" + Edu)}/resource0";
        _kernel.Processes.Start("driver").Map(resource);
        _kernel.Processes.Start("player").Map($"/dev/{Disk[..^2]}");
        Assert.Equal([$"{resource} is mapped in process 701 (driver)"], Words(Edu));
        Assert.Equal([$"/dev/{Disk[..^2]} is mapped in process 702 (player)"], Words(Nvme));
    }

    [Fact]
    public void A_function_s_memory_that_a_process_has_open_is_use()
    {
        var resource = $"{Path("/sys/bus/pci/devices/" + Edu)}/resource0";
        var driver = _kernel.Processes.Start("driver");
        driver.OpenPlain(resource);
        driver.OpenPlain($"{Path("/sys/bus/pci/devices/" + Gpu)}/config"); // who looks at the configuration uses nothing
        Assert.Equal([$"{resource} is open in process 701 (driver)"], Words(Edu));
        Assert.Empty(Words(Gpu));
    }

    [Fact]
    public void NVIDIA_s_nodes_are_known_by_the_driver_s_own_list()
    {
        Write($"/proc/driver/nvidia/gpus/{Gpu}/information", "Model: \t\t NVIDIA A10\nIRQ:   \t\t 71\nDevice Minor: \t 3\n");
        _kernel.Processes.Start("cuda").OpenPlain(CharacterNode("/dev/nvidia3", 195, 3));
        _kernel.Processes.Start("monitor").OpenPlain(CharacterNode("/dev/nvidiactl", 195, 255));
        Assert.Equal(["/dev/nvidia3 is open in process 701 (cuda)"], Words(Gpu));
    }

    /// <summary>No process has it open, and nvidia's own remove waits for it.</summary>
    [Theory]
    [InlineData("Y", true)]
    [InlineData("N", false)]
    public void The_kernel_s_own_use_of_a_card_of_nvidia_s_is_said(string modeset, bool isUse)
    {
        Write("/sys/module/nvidia_drm/parameters/modeset", $"{modeset}\n");
        Write($"/sys/bus/pci/devices/{Gpu}/drm/card9/dev", "226:9\n");
        Write("/sys/bus/pci/drivers/nvidia/module", "");
        _kernel.Core.Tree.WriteLink($"/sys/bus/pci/devices/{Gpu}/driver", "/sys/bus/pci/drivers/nvidia");
        const string words = "nvidia_drm has it in the kernel: stop the display server and run \"modprobe -r nvidia_drm\"";
        Assert.Equal(isUse, Words(Gpu).Contains(words));
    }

    [Fact]
    public void A_disk_in_a_PCI_domain_behind_a_controller_is_the_controller_s()
    {
        // Intel VMD: the drives' own domain hangs below the controller, which is no bridge.
        _ = _kernel.Storage.AddDisk(
            "sdz",
            $"{Path("/sys/bus/pci/devices/" + Edu)}/pci10000:e0/10000:e0:06.0/10000:e1:00.0/block",
            Path("/sys/bus/pci/devices/" + Edu),
            major: 8,
            minor: 400
        );
        Assert.Equal(Errno.None, _kernel.Storage.MountDisk("sdz", "/"));
        Assert.Equal(["sdz is mounted at /"], Words(Edu));
        using var proof = Prove(Edu);
        Assert.False(proof.IsFree);
    }

    [Fact]
    public void A_claim_without_a_name_is_said_though_the_disk_s_name_begins_that_of_another_one_with_a_user()
    {
        var below = Path("/sys/bus/pci/devices/" + Edu);
        _ = _kernel.Storage.AddDisk("sdz", below + "/host5/block", below, major: 8, minor: 400);
        _ = _kernel.Storage.AddDisk("sdzz", below + "/host6/block", below, major: 65, minor: 400);
        Assert.Equal(Errno.None, _kernel.Storage.Claim("sdz"));
        Assert.Equal(Errno.None, _kernel.Storage.MountDisk("sdzz", "/data"));

        using var proof = Prove(Edu);
        Assert.Equal(
            [
                $"{Edu}: sdzz is mounted at /data",
                $"{Edu}: sdz is claimed in the kernel by somebody it does not name (a mount that no process sees, ZFS, DRBD, a storage "
                    + "target): free it, or list Storage in allowProtected together with the address",
            ],
            proof.Users
        );
    }

    [Fact]
    public void Both_disks_of_a_btrfs_are_mounted_though_mountinfo_names_one_and_no_number()
    {
        var second = ScenarioNodes.DiskOf(_kernel.Paths, "0000:44:00.0");
        Assert.Equal(Errno.None, _kernel.Storage.MountDisk(Disk, "/data", "btrfs"));
        foreach (var disk in (string[])[Disk, second])
            Write($"/sys/fs/btrfs/0c8f6cbe-7d19-4f4e-8a1b-6f0e2c3d4b5a/devices/{disk}/uevent", "");
        Assert.Equal([$"{Disk} is mounted at /data"], Words(Nvme));
        Assert.Equal([$"{second} is part of the mounted btrfs 0c8f6cbe-7d19-4f4e-8a1b-6f0e2c3d4b5a"], Words("0000:44:00.0"));
    }

    [Theory]
    [InlineData(
        "nvmet/subsystems/nqn.2026-01.com.example:disk/namespaces/1/device_path",
        "exported by the NVMe target nqn.2026-01.com.example:disk"
    )]
    [InlineData("target/core/iblock_0/disk/udev_path", "exported by the SCSI target iblock_0/disk")]
    public void A_disk_that_the_host_exports_is_in_use(string file, string words)
    {
        Write("/sys/kernel/config/" + file, $"/dev/{Disk}\n");
        Assert.Equal([$"{Disk} is {words}"], Words(Nvme));
    }

    [Fact]
    public void A_stack_is_followed_to_what_is_mounted_at_its_top()
    {
        var partition = _kernel.Storage.AddPartition(Disk, 1);
        _kernel.Storage.AddHolder(partition, "md127");
        _kernel.Storage.AddHolder("md127", "dm-0", "vg-data");
        _kernel.Storage.MountDisk("dm-0", "/var/lib/data");
        Assert.Equal(
            [$"{partition} is part of md127", "md127 is part of dm-0 (vg-data)", "dm-0 (vg-data) is mounted at /var/lib/data"],
            Words(Nvme)
        );
    }

    [Fact]
    public void The_host_s_own_mount_is_named_and_not_the_copies_that_containers_have_of_it()
    {
        _kernel.Storage.MountDisk(Disk, "/data");
        _kernel.Processes.Start("container", "mnt:[4026532999]");
        _kernel.Storage.MountDisk(Disk, "/host/data", mountNamespace: "mnt:[4026532999]");
        Assert.Equal([$"{Disk} is mounted at /data"], Words(Nvme));
        _kernel.Storage.Unmount("/data");
        Assert.Equal([$"{Disk} is mounted at /host/data in the mount namespace of process 701 (container)"], Words(Nvme));
    }

    [Fact]
    public void Many_mounts_of_one_disk_are_counted_after_the_third()
    {
        for (var i = 1; i <= 6; i++)
            _kernel.Storage.MountDisk(Disk, string.Create(CultureInfo.InvariantCulture, $"/data{i}"));
        Assert.Equal(
            [
                $"{Disk} is mounted at /data1",
                $"{Disk} is mounted at /data2",
                $"{Disk} is mounted at /data3",
                $"{Disk} is mounted at 3 more places",
            ],
            Words(Nvme)
        );
    }

    [Theory]
    [InlineData("BOOTFB")]
    [InlineData("efifb")]
    [InlineData("simple-framebuffer.0")]
    public void The_firmware_s_framebuffer_makes_the_card_whose_memory_it_is_in_the_console(string name)
    {
        Write(
            "/proc/iomem",
            "fa000000-fbffffff : PCI Bus 0000:40\n  fa000000-faffffff : PCI Bus 0000:43\n    fa000000-faffffff : "
                + $"0000:43:00.0\n      fa000000-fa2fffff : {name}\n"
        );
        Assert.Equal([$"the firmware's framebuffer is in its memory ({name} at 0xfa000000 in /proc/iomem)"], Words(Gpu));
        Assert.Empty(Words("0000:83:00.0"));
    }

    [Fact]
    public void A_framebuffer_of_a_driver_without_displays_is_the_console()
    {
        var path = $"{Path("/sys/bus/pci/devices/" + Gpu)}/graphics/fb0";
        Write(path + "/name", "MATROX\n");
        Link("/sys/class/graphics/fb0", path);
        Assert.Equal(["it is the host's framebuffer fb0 (MATROX)"], Words(Gpu));
    }

    [Fact]
    public void A_card_that_shows_nothing_is_no_console_whatever_driver_it_has()
    {
        _kernel.LoadDriver(LabMachine.DisplayDriver);
        Assert.Empty(Words(Gpu));
        Assert.Empty(Words("0000:83:00.0"));
        Assert.Matches("^its display card[0-9]-Virtual-[0-9] is switched on$", Assert.Single(Words("0000:82:00.0")));
        Assert.Equal(2, Words("0000:42:00.0").Count());
    }

    [Fact]
    public void A_cdev_that_is_open_and_not_bound_is_seen()
    {
        ToVfio(Edu);
        _kernel.Processes.Start("qemu").OpenCdev("vfio0");
        Assert.Equal(["/dev/vfio/devices/vfio0 is held open by process 701 (qemu)"], Words(Edu));
        using var proof = Prove(Edu);
        Assert.Equal([$"{Edu}: /dev/vfio/devices/vfio0 is held open by process 701 (qemu)"], proof.Users);
    }

    [Fact]
    public void Of_a_group_whose_node_was_closed_the_processes_with_a_VFIO_device_are_candidates()
    {
        ToVfio(Edu);
        _kernel.Processes.Start("qemu").Take(Edu, _kernel.GroupOf(Edu)!.Value).Group.Close();
        Assert.Empty(Words(Edu)); // nothing tells which device it is
        using var proof = Prove(Edu);
        Assert.Equal(
            [$"IOMMU group {_kernel.GroupOf(Edu)} is held; candidates are the processes with a VFIO device: 701 (qemu)"],
            proof.Users
        );
    }

    [Fact]
    public void A_group_s_holder_holds_its_members_on_pci_stub_too()
    {
        _kernel.LoadDriver(new PciDriverDescription("pci-stub", PciDriverKind.Stub));
        ToVfio("0000:45:00.0");
        ToVfio("0000:45:00.1", "pci-stub");
        _kernel.Processes.Start("qemu").Take("0000:45:00.0", _kernel.GroupOf("0000:45:00.0")!.Value);
        Assert.Equal([$"/dev/vfio/{_kernel.GroupOf("0000:45:00.1")} is held open by process 701 (qemu)"], Words("0000:45:00.1"));
        using var proof = Prove("0000:45:00.1");
        Assert.False(proof.IsFree);
    }

    [Fact]
    public void What_a_pod_has_is_not_opened_to_see_whether_it_is_free()
    {
        ToVfio(Edu);
        var calls = new CountingCalls(_kernel.Calls);
        var inventory = Inventory();
        using (var proof = new UsageReader(_kernel.Paths, calls, new Pods(Edu)).Prove(inventory, [PciAddress.Parse(Edu)], []))
        {
            Assert.Equal(["pod vms/vm has it"], proof.Users);
            Assert.Equal(0, calls.Opens);
        }

        using var free = new UsageReader(_kernel.Paths, calls, new Pods(Nvme)).Prove(inventory, [PciAddress.Parse(Edu)], []);
        Assert.True(free.IsFree);
        Assert.Equal(1, calls.Opens);
    }

    [Fact]
    public void Planning_opens_nothing()
    {
        ToVfio(Edu);
        var calls = new CountingCalls(_kernel.Calls);
        new UsageReader(_kernel.Paths, calls, new Pods("")).Read(Inventory());
        Assert.Equal(0, calls.Opens);
    }

    [Fact]
    public void A_physical_function_with_virtual_ones_and_a_parent_with_mdevs_are_in_use()
    {
        Assert.Equal(Errno.None, _kernel.Calls.WriteAttribute("/sys/bus/pci/devices/0000:41:00.0/sriov_numvfs", "2"));
        Assert.Equal(["it has 2 virtual functions"], Words("0000:41:00.0"));
        Link(
            "/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
            $"{Path("/sys/bus/pci/devices/" + Gpu)}/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
        );
        Assert.Equal(["it has 1 mediated device"], Words(Gpu));
    }

    [Fact]
    public void What_came_after_the_inventory_was_read_is_met_by_the_proof()
    {
        var inventory = Inventory();
        _kernel.Calls.WriteAttribute("/sys/bus/pci/devices/0000:41:00.0/sriov_numvfs", "1");
        using var proof = Reader().Prove(inventory, [PciAddress.Parse("0000:41:00.0")], []);
        Assert.Equal(["0000:41:00.0: it has 1 virtual function"], proof.Users);
    }

    [Fact]
    public void A_process_that_cannot_be_looked_into_may_use_anything()
    {
        Write("/proc/900/comm", "confined\n");
        Assert.Contains("the files that process 900 (confined) has open cannot be seen: ENOENT", Words(Edu));
        using var proof = Prove(Edu);
        Assert.False(proof.IsFree);
    }

    [Theory]
    [InlineData(
        "/dev/sda",
        "/dev/{0} is another device than the disk {0} ({1}), so it cannot be proven that nobody uses the disk: mount the host's /dev"
    )]
    [InlineData(null, "/dev/{0} cannot be opened to prove that nobody uses it: ENOENT")]
    public void A_disk_whose_node_is_wrong_or_missing_is_not_proven_free(string? instead, string words)
    {
        var calls = new OtherNode(_kernel.Calls, "/dev/" + Disk, instead);
        using var proof = new UsageReader(_kernel.Paths, calls, new Pods("")).Prove(Inventory(), [PciAddress.Parse(Nvme)], []);
        Assert.Equal(
            [
                string.Format(
                    CultureInfo.InvariantCulture,
                    words,
                    Disk,
                    File.ReadAllText(_kernel.Paths.Resolve($"/sys/class/block/{Disk}/dev")).Trim()
                ),
            ],
            proof.Users
        );
    }

    [Fact]
    public void While_a_proof_is_held_nobody_can_begin_and_afterwards_anybody_can()
    {
        using (var proof = Prove(Nvme))
        {
            Assert.True(proof.IsFree);
            Assert.Equal(Errno.EBUSY, _kernel.Storage.MountDisk(Disk, "/data"));
            Assert.Equal(Errno.EBUSY, _kernel.Storage.SwapOn(Disk));
        }

        Assert.Equal(Errno.None, _kernel.Storage.MountDisk(Disk, "/data"));
    }

    /// <summary>The boot VGA, and the shares that its root and its files come from.</summary>
    private static bool IsTheLabsOwn(DeviceId address) =>
        address.ToString() is "0000:42:00.0" or "0000:00:01.0" or "0000:00:02.0" or "0000:00:03.0" or "0000:00:04.0";

    private IEnumerable<string> Words(string address) => Read().UsersOf(PciAddress.Parse(address)).Select(u => u.Description);

    private HostUsage Read() => Reader().Read(Inventory());

    private FreedomProof Prove(string address) => Reader().Prove(Inventory(), [PciAddress.Parse(address)], []);

    private UsageReader Reader() => new(_kernel.Paths, _kernel.Calls, new Pods(""));

    private HostInventory Inventory() => new InventoryReader(_kernel.Paths, TimeProvider.System).Read();

    private void ToVfio(string address, string driver = "vfio-pci")
    {
        _kernel.Calls.WriteAttribute($"/sys/bus/pci/devices/{address}/driver_override", driver);
        if (_kernel.DriverOf(address) is { } now)
            _kernel.Calls.WriteAttribute($"/sys/bus/pci/drivers/{now}/unbind", address);
        _kernel.Calls.WriteAttribute("/sys/bus/pci/drivers_probe", address);
        Assert.Equal(driver, _kernel.DriverOf(address));
    }

    /// <summary>A device's own directory below <c>/sys/devices</c>.</summary>
    private string Path(string link) => new HostFileReader(_kernel.Paths).ResolveLink(link)!;

    private string CharacterNode(string node, uint major, uint minor)
    {
        _kernel.Core.AddNode(node, new DeviceNumber(false, major, minor), path: null, 0x180);
        return node;
    }

    private void Write(string path, string text)
    {
        var real = _kernel.Paths.Resolve(path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(real)!);
        File.WriteAllText(real, text);
    }

    private void Link(string path, string target)
    {
        var real = _kernel.Paths.Resolve(path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(real)!);
        File.CreateSymbolicLink(real, System.IO.Path.GetRelativePath(System.IO.Path.GetDirectoryName(path)!, target));
    }

    private sealed class Pods(string having) : IPodUsage
    {
        public ImmutableArray<DeviceUser> UsersOf(DeviceId device) =>
            device.ToString() == having ? [new DeviceUser(UserKind.Pod, "pod vms/vm has it")] : [];
    }

    private sealed class CountingCalls(IHostCalls kernel) : DecoratedCalls(kernel)
    {
        public int Opens { get; private set; }

        public override OpenResult Open(string path, OpenIntent intent)
        {
            Opens++;
            return base.Open(path, intent);
        }
    }

    /// <summary>A /dev in which a name stands for another device, or is missing.</summary>
    private sealed class OtherNode(IHostCalls kernel, string node, string? instead) : DecoratedCalls(kernel)
    {
        public override FileLook Look(string path) =>
            path != node ? base.Look(path)
            : instead is null ? FileLook.Failed(Errno.ENOENT)
            : base.Look(instead);

        public override OpenResult Open(string path, OpenIntent intent) =>
            path != node ? base.Open(path, intent)
            : instead is null ? new OpenResult(Errno.ENOENT, null)
            : base.Open(instead, intent);
    }
}
