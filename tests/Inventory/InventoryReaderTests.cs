using Hostdev.Crds;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Inventory;

public sealed class InventoryReaderTests : IDisposable
{
    private readonly MachineFixture machine = MachineFixture.Load("x86-server");
    private readonly HostInventory inventory;

    public InventoryReaderTests() => inventory = machine.Read();

    public void Dispose() => machine.Dispose();

    [Fact]
    public void Reads_a_whole_machine_without_a_problem()
    {
        Assert.Empty(inventory.Problems);
        Assert.Equal(20, inventory.Functions.Count);
        Assert.Equal(inventory.Functions.Keys.Order(), inventory.Functions.Keys);
    }

    [Fact]
    public void Reads_what_matters_of_the_host()
    {
        var facts = inventory.Facts;
        Assert.Equal(
            ("6.8.0-45-generic", "x86_64", "0f7c1f7e-5d8e-4d4b-9f0e-0c8d8ad1b9f1"),
            (facts.KernelRelease, facts.Architecture, facts.BootId)
        );
        Assert.True(facts.IommuEnabled);
        Assert.True(facts.Iommufd);
        Assert.False(facts.UnsafeInterruptsAllowed);
        Assert.Equal(InterruptRemapping.Yes, facts.InterruptRemapping);
        Assert.Equal(["intel_iommu=on", "iommu=pt", "pci=realloc", "vfio-pci.ids=10de:2236"], facts.KernelArguments);
        Assert.Equal(["mlx5_vfio_pci", "pci-stub", "vfio-pci"], facts.PassthroughDrivers);
    }

    [Fact]
    public void Reads_who_was_told_to_pass_devices_whose_interrupts_nothing_isolates()
    {
        Assert.False(inventory.Facts.IommufdUnsafeInterruptsAllowed);
        machine.Change("/sys/module/iommufd/parameters/allow_unsafe_interrupts = Y");
        var iommufd = machine.Read().Facts;
        Assert.Equal((false, true), (iommufd.UnsafeInterruptsAllowed, iommufd.IommufdUnsafeInterruptsAllowed));
        machine.Change("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts = Y");
        Assert.True(machine.Read().Facts.UnsafeInterruptsAllowed);
    }

    /// <summary>What could not be read is no word of the kernel that there is no reset.</summary>
    [Fact]
    public void Reads_how_a_function_is_reset()
    {
        const string nic = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0";
        (bool Untold, bool None) Resets(string change)
        {
            machine.Change($"[{nic}]\n{change}");
            var function = machine.Read().Functions[PciAddress.Parse("0000:3b:00.0")];
            return (function.ResetsUntold, function.HasNoReset);
        }

        Assert.Equal((false, false), Resets("reset_method = flr bus"));
        Assert.Equal((false, true), Resets("reset_method ="));
        Assert.Equal((true, false), Resets("reset_method ~> ."));
    }

    [Fact]
    public void Reads_a_physical_function()
    {
        var nic = Function("0000:3b:00.0");
        Assert.Equal(
            ("8086", "1592", "8086", "0002", 0x020000u),
            (nic.Vendor.ToString(), nic.Device.ToString(), nic.SubsystemVendor.ToString(), nic.SubsystemDevice.ToString(), nic.ClassCode)
        );
        Assert.Equal(("Intel Corporation", "Ethernet Controller E810-C for QSFP"), (nic.VendorName, nic.DeviceName));
        Assert.Equal(("ice", null, 11, 0, "4"), (nic.Driver, nic.DriverOverride, nic.IommuGroup, nic.NumaNode, nic.Slot));
        Assert.Equal([PciAddress.Parse("0000:3a:00.0")], nic.Path);
        Assert.Equal(["flr", "bus"], nic.ResetMethods);
        var sriov = nic.Sriov!;
        Assert.Equal((256, 4, 8, 1, false), (sriov.TotalVfs, sriov.NumVfs, sriov.Offset, sriov.Stride, sriov.Autoprobe));
        Assert.Equal(
            ["0000:3b:01.0", "0000:3b:01.1", "0000:3b:01.2", "0000:3b:01.3"],
            sriov.VirtualFunctions.Values.Select(a => a.ToString())
        );
    }

    [Fact]
    public void Sums_the_six_memory_BARs_without_ports_ROM_and_those_of_the_virtual_functions()
    {
        Assert.Equal(new BarBytes(0, 0x2000000 + 0x10000), Function("0000:3b:00.0").Bars);
        Assert.Equal(new BarBytes(0x1000000, 0x800000000 + 0x2000000), Function("0000:b1:00.0").Bars);
    }

    [Fact]
    public void Reads_virtual_functions_and_what_is_bound_to_them()
    {
        var first = Function("0000:3b:01.0");
        Assert.Equal(
            (PciAddress.Parse("0000:3b:00.0"), 0, "vfio-pci", "vfio-pci", 60),
            (first.PhysicalFunction, first.VfIndex, first.Driver, first.DriverOverride, first.IommuGroup)
        );
        Assert.Equal(("vfio0", true), (first.VfioCdev, first.HasVfioCdevNode));
        Assert.Equal(("vfio1", false), (Function("0000:3b:01.1").VfioCdev, Function("0000:3b:01.1").HasVfioCdevNode));
        Assert.Equal((null, false), (Function("0000:3b:01.2").VfioCdev, Function("0000:3b:01.2").HasVfioCdevNode));
        Assert.Equal(3, Function("0000:3b:01.3").VfIndex);
    }

    [Fact]
    public void Hangs_a_virtual_functions_interface_below_the_virtual_function_alone()
    {
        Assert.Equal([new(ChildKind.NetworkInterface, "ens1f0v3")], Function("0000:3b:01.3").Children);
        Assert.Equal(
            [
                new(ChildKind.NetworkInterface, "ens1f0"),
                new(ChildKind.CharacterDevice, "ptp0", "/dev/ptp0"),
                new(ChildKind.CharacterDevice, "uverbs0", "/dev/infiniband/uverbs0"),
            ],
            Function("0000:3b:00.0").Children
        );
    }

    [Fact]
    public void Says_that_an_interface_is_in_another_network_namespace()
    {
        Assert.All(inventory.Functions.Values, f => Assert.False(f.NetworkInterfaceElsewhere));
        machine.Delete("/sys/class/net/ens1f0v3");
        machine.Delete("/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:01.3/net/ens1f0v3");
        Assert.Equal(
            ["0000:3b:01.3"],
            machine.Read().Functions.Values.Where(f => f.NetworkInterfaceElsewhere).Select(f => f.Address.ToString())
        );
    }

    [Fact]
    public void Does_not_count_the_vfio_node_as_something_below() => Assert.Empty(Function("0000:3b:01.0").Children);

    [Fact]
    public void Reads_domains_of_five_digits_and_the_controller_that_hides_them()
    {
        var disk = Function("10000:01:00.0");
        Assert.Equal(["0000:00:0e.0", "10000:00:02.0"], disk.Path.Select(a => a.ToString()));
        Assert.Equal(
            [new(ChildKind.Disk, "nvme0n1", "/dev/nvme0n1"), new(ChildKind.CharacterDevice, "nvme0", "/dev/nvme0")],
            disk.Children
        );
        Assert.Equal(["0000:00:0e.0", "10000:00:02.0", "10000:01:00.0"], inventory.Groups[2].Members.Select(a => a.ToString()));
    }

    [Fact]
    public void Hangs_a_multipath_namespace_below_each_of_its_controllers()
    {
        var disk = new ChildDevice(ChildKind.Disk, "nvme1n1", "/dev/nvme1n1");
        Assert.Contains(disk, Function("0000:d7:02.0").Children);
        Assert.Contains(disk, Function("0000:d7:03.0").Children);
    }

    [Fact]
    public void Reads_a_GPU_with_its_nodes_types_and_place()
    {
        var gpu = Function("0000:b1:00.0");
        Assert.True(gpu.BootVga);
        Assert.Equal(["0000:ae:00.0", "0000:af:00.0", "0000:b0:04.0"], gpu.Path.Select(a => a.ToString()));
        Assert.Equal(
            [
                new(ChildKind.MdevParent, "0000:b1:00.0"),
                new(ChildKind.CharacterDevice, "card0", "/dev/dri/card0"),
                new(ChildKind.CharacterDevice, "nvidia0", "/dev/nvidia0"),
            ],
            gpu.Children
        );
        Assert.Equal(["0000:b1:00.0", "0000:b1:00.1"], inventory.GroupOf(gpu)!.Members.Select(a => a.ToString()));
        var parent = Assert.Single(inventory.MdevParents);
        Assert.Equal(("0000:b1:00.0", gpu.Address, 1), (parent.Name, parent.PciAddress, parent.NumaNode));
        Assert.Equal(
            [new MdevType("nvidia-591", "NVIDIA A10-1Q", 23, "vfio-pci", "num_heads=4, frl_config=60,\nframebuffer=1024M")],
            parent.Types
        );
    }

    [Fact]
    public void Reads_a_mediated_device_and_does_not_take_its_group_for_no_IOMMU()
    {
        var mdev = Assert.Single(inventory.Mdevs);
        Assert.Equal(
            ("83b8f4f2-509f-482f-bc6a-94c6d3a83a10", "0000:b1:00.0", "nvidia-591", 80),
            (mdev.Uuid.ToString(), mdev.Parent, mdev.TypeId, mdev.IommuGroup)
        );
        Assert.Equal(("vfio9", true), (mdev.VfioCdev, mdev.HasVfioCdevNode));
        Assert.Empty(inventory.Groups[80].Members);
        Assert.True(inventory.Facts.IommuEnabled);
    }

    [Fact]
    public void Finds_the_vfio_variant_driver_and_not_vfio_pci_itself()
    {
        Assert.Equal("mlx5_vfio_pci", Function("0000:d7:00.0").VfioVariantDriver);
        Assert.Null(Function("0000:3b:01.0").VfioVariantDriver);
    }

    [Fact]
    public void Reads_USB_devices_hubs_included()
    {
        Assert.Equal(["1-4", "1-4.2"], inventory.UsbDevices.Select(d => d.PortPath));
        Assert.True(inventory.UsbDevices[0].IsHub);
        Assert.Equal(["hub"], inventory.UsbDevices[0].Drivers);
        var stick = inventory.UsbDevices[1];
        Assert.Equal(
            ("0951", "1666", "Kingston", "DataTraveler 3.0", "E0D55EA574F0F3A0"),
            (stick.Vendor.ToString(), stick.Product.ToString(), stick.Manufacturer, stick.ProductName, stick.Serial)
        );
        Assert.Equal(
            (1, 12, "/dev/bus/usb/001/012", PciAddress.Parse("0000:00:14.0")),
            (stick.BusNumber, stick.DeviceNumber, stick.Node, stick.Controller)
        );
        Assert.Equal(["usb-storage"], stick.Drivers);
    }

    [Fact]
    public void Hangs_a_sticks_disk_below_the_stick_its_SCSI_device_and_the_host_controller()
    {
        var disk = new ChildDevice(ChildKind.Disk, "sdc", "/dev/sdc");
        Assert.Contains(disk, inventory.UsbDevices[1].Children);
        Assert.Contains(disk, Function("0000:00:14.0").Children);
        Assert.Equal([disk], inventory.ScsiDevices.Single(d => d.GenericName == "sg3").Children);
        Assert.Contains(new ChildDevice(ChildKind.UsbBus, "usb1"), Function("0000:00:14.0").Children);
        Assert.Empty(inventory.UsbDevices[0].Children);
    }

    [Fact]
    public void Reads_SCSI_devices()
    {
        Assert.Equal(["0:2:0:0", "6:0:0:0"], inventory.ScsiDevices.Select(d => d.Address));
        var disk = inventory.ScsiDevices[0];
        Assert.Equal(
            ("sg0", "/dev/sg0", 0, "DELL", "PERC H740P Mini", null),
            (disk.GenericName, disk.Node, disk.Type, disk.Vendor, disk.Model, disk.Serial)
        );
        Assert.Equal(PciAddress.Parse("0000:d7:01.0"), disk.Controller);
    }

    [Fact]
    public void Reads_a_SCSI_serial_from_its_VPD_page()
    {
        File.WriteAllBytes(
            machine.Resolve("/sys/devices/pci0000:d7/0000:d7:01.0/host0/target0:2:0/0:2:0:0/vpd_pg80"),
            [0, 0x80, 0, 8, .. " ABC123 "u8]
        );
        Assert.Equal("ABC123", machine.Read().ScsiDevices[0].Serial);
    }

    [Fact]
    public void Takes_a_no_IOMMU_group_of_a_PCI_function_for_no_group()
    {
        machine.Change("/sys/kernel/iommu_groups/30/name = vfio-noiommu");
        var read = machine.Read();
        Assert.Null(read.Functions[PciAddress.Parse("0000:d7:00.0")].IommuGroup);
        Assert.DoesNotContain(30, read.Groups.Keys);
        Assert.Contains("no-IOMMU", Assert.Single(read.Problems).Message, StringComparison.Ordinal);
    }

    private PciFunction Function(string address) => inventory.Functions[PciAddress.Parse(address)];
}
