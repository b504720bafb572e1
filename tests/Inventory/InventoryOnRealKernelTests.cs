using System.Diagnostics;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Inventory;

/// <summary>
/// Every fact of the inventory against a reader that shares nothing with it: the shell probe, and the kernel's own files read by hand.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class InventoryOnRealKernelTests : IDisposable
{
    private static readonly PciAddress Igb = Sysfs.Address("41:00.0");

    private readonly InventoryReader reader = new(new HostPaths("/"), TimeProvider.System);

    public void Dispose() => Sysfs.Restore(Igb);

    [LabFact]
    public void Says_what_an_independent_reader_says()
    {
        var first = Sysfs.MakeVirtualFunctions(Igb, 3);
        Sysfs.Bind(first, "vfio-pci");
        var probe = ProbeOutput.Run();
        var inventory = reader.Read();
        Assert.Empty(inventory.Problems);
        Assert.Equal(probe["pci"].Select(Normalized), inventory.Functions.Values.Select(f => Row(f, inventory)));
        Assert.Equal(
            probe["usb"].Where(d => !d["path"]!.StartsWith("usb", StringComparison.Ordinal)).Select(Joined),
            inventory.UsbDevices.Select(Row)
        );
        Assert.Equal(probe["scsi"].Select(Joined), inventory.ScsiDevices.OrderBy(d => d.GenericName, StringComparer.Ordinal).Select(Row));
        Assert.Equal(probe["mdev"].Select(Joined), inventory.MdevParents.SelectMany(p => p.Types, Row));
        Assert.NotEmpty(inventory.UsbDevices);
        Assert.NotEmpty(inventory.ScsiDevices);
        Assert.NotEmpty(inventory.MdevParents);
    }

    [LabFact]
    public void Lists_exactly_the_functions_that_the_bus_has()
    {
        var names = Directory.GetFileSystemEntries(Sysfs.Devices).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        Assert.Equal(names, reader.Read().Functions.Keys.Select(a => a.ToString()).Order(StringComparer.Ordinal));
    }

    [LabFact]
    public void Reads_the_hosts_facts()
    {
        var facts = reader.Read().Facts;
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), facts.KernelRelease);
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(), facts.BootId);
        Assert.Equal(
            ("x86_64", true, InterruptRemapping.Yes, false, LabFacts.HasCdev),
            (facts.Architecture, facts.IommuEnabled, facts.InterruptRemapping, facts.UnsafeInterruptsAllowed, facts.Iommufd)
        );
        Assert.Contains("intel_iommu=on", facts.KernelArguments);
        Assert.Contains("vfio-pci", facts.PassthroughDrivers);
    }

    [LabFact]
    public void Finds_what_hangs_below()
    {
        var inventory = reader.Read();
        PciFunction Function(string address) => inventory.Functions[Sysfs.Address(address)];
        var interfaces = Directory.GetDirectories(Sysfs.Path(Igb, "net")).Select(Path.GetFileName);
        Assert.Equal(interfaces, Names(Function("41:00.0"), ChildKind.NetworkInterface));
        var controller = Path.GetFileName(Directory.GetDirectories(Sysfs.Path(Sysfs.Address("84:00.0"), "nvme")).Single());
        var subsystem = Directory.GetDirectories("/sys/class/nvme-subsystem").Single(d => Directory.Exists($"{d}/{controller}"));
        var disk = Path.GetFileName(Directory.GetDirectories(subsystem, "nvme*n*").Single());
        Assert.Equal([disk], Names(Function("84:00.0"), ChildKind.Disk));
        Assert.Contains(new ChildDevice(ChildKind.CharacterDevice, controller, $"/dev/{controller}"), Function("84:00.0").Children);
        Assert.Equal(["usb1", "usb2"], Names(Function("01:00.0"), ChildKind.UsbBus));
        var stick = Assert.Single(inventory.UsbDevices, d => d.Serial == "LABUSB0");
        Assert.Equal(Names(Function("01:00.0"), ChildKind.Disk), stick.Children.Where(c => c.Kind == ChildKind.Disk).Select(c => c.Name));
        Assert.Equal((Sysfs.Address("01:00.0"), "usb-storage"), (stick.Controller, Assert.Single(stick.Drivers)));
        var scsi = Assert.Single(inventory.ScsiDevices, d => d.Serial == "LABSCSI0");
        Assert.Equal(Sysfs.Address("02:00.0"), scsi.Controller);
        Assert.Equal(Names(Function("02:00.0"), ChildKind.Disk), scsi.Children.Where(c => c.Kind == ChildKind.Disk).Select(c => c.Name));
        foreach (
            var node in inventory
                .Functions.Values.SelectMany(f => f.Children)
                .Select(c => c.Node)
                .OfType<string>()
                .Where(n => !n.StartsWith("/dev/bsg/", StringComparison.Ordinal))
        )
            Assert.True(File.Exists(node), $"{node} is not there");
    }

    [LabFact]
    public void Sees_that_an_interface_was_moved_to_another_network_namespace()
    {
        var port = Sysfs.Address("45:00.1");
        var name = Assert.Single(Names(reader.Read().Functions[port], ChildKind.NetworkInterface));
        using var elsewhere = Process.Start("unshare", ["--net", "sleep", "120"]);
        try
        {
            Assert.True(
                SpinWait.SpinUntil(
                    () => new FileInfo($"/proc/{elsewhere.Id}/ns/net").LinkTarget != new FileInfo("/proc/self/ns/net").LinkTarget,
                    TimeSpan.FromSeconds(10)
                )
            );
            using var move = Process.Start(
                "busybox",
                ["ip", "link", "set", name, "netns", elsewhere.Id.ToString(CultureInfo.InvariantCulture)]
            );
            move.WaitForExit();
            Assert.Equal(0, move.ExitCode);
            var function = reader.Read().Functions[port];
            Assert.True(function.NetworkInterfaceElsewhere);
            Assert.Empty(Names(function, ChildKind.NetworkInterface));
        }
        finally
        {
            elsewhere.Kill();
            elsewhere.WaitForExit();
        }

        Assert.True(SpinWait.SpinUntil(() => !reader.Read().Functions[port].NetworkInterfaceElsewhere, TimeSpan.FromSeconds(20)));
    }

    [LabFact]
    public void Counts_virtual_functions_by_index()
    {
        var first = Sysfs.MakeVirtualFunctions(Igb, 2);
        var inventory = reader.Read();
        var physical = inventory.Functions[Igb];
        Assert.Equal(
            (7, 2, 128, 2, false),
            (physical.Sriov!.TotalVfs, physical.Sriov.NumVfs, physical.Sriov.Offset, physical.Sriov.Stride, physical.Sriov.Autoprobe)
        );
        Assert.Equal([(0, first), (1, first.Offset(2)!.Value)], physical.Sriov.VirtualFunctions.Select(v => (v.Key, v.Value)));
        Assert.Equal([0, 1], inventory.Functions.Values.Where(f => f.PhysicalFunction == Igb).Select(f => f.VfIndex!.Value));
    }

    [LabFact]
    public void Reads_a_mediated_device_with_its_group()
    {
        var uuid = MdevUuid.Parse("8d2c7a5e-4a0b-4c1e-9a77-3f8f1c2e6b01");
        Sysfs.Write("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create", uuid.ToString());
        try
        {
            var inventory = reader.Read();
            var mdev = Assert.Single(inventory.Mdevs);
            var group = Path.GetFileName(new DirectoryInfo($"/sys/bus/mdev/devices/{uuid}/iommu_group").LinkTarget!);
            Assert.Equal(
                (uuid, "mtty", "mtty-2", group, LabFacts.HasCdev),
                (mdev.Uuid, mdev.Parent, mdev.TypeId, mdev.IommuGroup.ToString(), mdev.HasVfioCdevNode)
            );
            Assert.True(inventory.Facts.IommuEnabled);
            Assert.Empty(inventory.Groups[mdev.IommuGroup!.Value].Members);
            Assert.Equal([22, 11], inventory.MdevParents.Single(p => p.Name == "mtty").Types.Select(t => t.AvailableInstances));
        }
        finally
        {
            Sysfs.Write($"/sys/bus/mdev/devices/{uuid}/remove", "1");
        }
    }

    [LabFact]
    public void Does_not_wait_for_a_virtual_function_whose_removal_the_kernel_blocks()
    {
        var function = Sysfs.MakeVirtualFunctions(Igb, 1);
        Sysfs.Bind(function, "vfio-pci");
        var group = Sysfs.GroupPath(function);
        var holder = Hostdev.Sandbox.Vfio.VfioTaker.TakeGroup(group, function.ToString());
        var removal = Task.CompletedTask;
        try
        {
            var taken = Assert.IsType<Hostdev.Sandbox.Vfio.TakeResult.Taken>(holder);
            removal = Task.Run(() => Sysfs.Write(Igb, "sriov_numvfs", "0"));
            SpinWait.SpinUntil(() => removal.IsCompleted, TimeSpan.FromSeconds(2));
            Assert.False(removal.IsCompleted);
            var began = Stopwatch.GetTimestamp();
            var inventory = reader.Read();
            Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));
            Assert.Null(inventory.Functions[Igb].Sriov!.NumVfs);
            Assert.Contains(
                inventory.Problems,
                p =>
                    p.Path.EndsWith($"{Igb}/sriov_numvfs", StringComparison.Ordinal)
                    && p.Message.Contains("is blocked", StringComparison.Ordinal)
            );
            var outstanding = reader.OutstandingReads;
            TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', inventory.Problems));
            reader.Read();
            Assert.Equal(outstanding, reader.OutstandingReads);
            taken.Device.Dispose();
            Assert.True(removal.Wait(TimeSpan.FromSeconds(60)));
            Assert.True(SpinWait.SpinUntil(() => reader.OutstandingReads == 0, TimeSpan.FromSeconds(30)));
            Assert.Equal(0, reader.Read().Functions[Igb].Sriov!.NumVfs);
        }
        finally
        {
            (holder as Hostdev.Sandbox.Vfio.TakeResult.Taken)?.Device.Dispose();
            removal.Wait(TimeSpan.FromSeconds(60));
        }
    }

    private static IEnumerable<string> Names(PciFunction function, ChildKind kind) =>
        function.Children.Where(c => c.Kind == kind).Select(c => c.Name);

    private static string Joined(Dictionary<string, string?> row) => string.Join(" | ", row.Values);

    /// <summary>
    /// The kernel prints -1 for no NUMA node, and members of a group in any order; of the path the probe includes the function itself.
    /// </summary>
    private static string Normalized(Dictionary<string, string?> row)
    {
        if (row["numa_node"] == "-1")
            row["numa_node"] = null;
        if (row["group_members"] is { } members)
            row["group_members"] = string.Join(',', members.Split(',').Order(StringComparer.Ordinal));
        return Joined(row);
    }

    private static string Row(PciFunction f, HostInventory inventory) =>
        string.Join(
            " | ",
            new[]
            {
                f.Address.ToString(),
                $"0x{f.Vendor}",
                $"0x{f.Device}",
                $"0x{f.SubsystemVendor}",
                $"0x{f.SubsystemDevice}",
                $"0x{f.ClassCode:x6}",
                f.Driver,
                f.IommuGroup?.ToString(CultureInfo.InvariantCulture),
                inventory.GroupOf(f) is { } group ? string.Join(',', group.Members) : null,
                f.NumaNode?.ToString(CultureInfo.InvariantCulture),
                f.PhysicalFunction?.ToString(),
                f.Sriov?.TotalVfs.ToString(CultureInfo.InvariantCulture),
                f.Sriov?.NumVfs?.ToString(CultureInfo.InvariantCulture),
                f.ResetMethods.IsEmpty ? null : string.Join(' ', f.ResetMethods),
                f.VfioCdev,
                f.Bars.Bits32.ToString(CultureInfo.InvariantCulture),
                f.Bars.Bits64.ToString(CultureInfo.InvariantCulture),
                f.DriverOverride,
                f.BootVga ? "1" : null,
                f.Slot,
                string.Join('>', f.Path.Append(f.Address)),
            }
        );

    private static string Row(UsbDevice d) =>
        string.Join(
            " | ",
            d.PortPath,
            d.Vendor,
            d.Product,
            d.Serial,
            d.BusNumber,
            d.DeviceNumber,
            d.Manufacturer,
            d.ProductName,
            d.Drivers.IsEmpty ? null : string.Join(',', d.Drivers),
            d.Controller
        );

    private static string Row(ScsiDevice d) => string.Join(" | ", d.GenericName, d.Address, d.Type, d.Vendor, d.Model, d.Controller);

    private static string Row(MdevParent parent, MdevType type) =>
        string.Join(" | ", parent.Name, type.Id, type.Name, type.AvailableInstances, type.DeviceApi);
}
