using Hostdev.Crds;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Inventory;

public sealed class OtherArchitecturesTests
{
    [Fact]
    public void Reads_a_POWER_machine_with_a_domain_for_each_bridge()
    {
        using var machine = MachineFixture.Load("power");
        var inventory = machine.Read();
        Assert.Empty(inventory.Problems);
        Assert.Equal(
            ("ppc64le", InterruptRemapping.NotApplicable, true),
            (inventory.Facts.Architecture, inventory.Facts.InterruptRemapping, inventory.Facts.IommuEnabled)
        );
        Assert.Equal(9, inventory.Functions.Count);
        var gpu = Function(inventory, "0035:03:00.0");
        Assert.Equal((9, 8, new BarBytes(0x1000000, 0x400000000)), (gpu.IommuGroup, gpu.NumaNode, gpu.Bars));
        Assert.Empty(Function(inventory, "0030:01:00.0").Path);
    }

    [Fact]
    public void Leaves_POWER_bridges_without_a_group()
    {
        using var machine = MachineFixture.Load("power");
        var inventory = machine.Read();
        Assert.Null(inventory.GroupOf(Function(inventory, "0001:00:00.0")));
        Assert.Equal([PciAddress.Parse("0001:01:00.0")], inventory.GroupOf(Function(inventory, "0001:01:00.0"))!.Members);
        Assert.Equal([1, 9, 12, 14, 253, 254], inventory.Groups.Keys);
    }

    [Fact]
    public void Names_all_functions_of_a_slot_that_is_a_whole_bus()
    {
        using var machine = MachineFixture.Load("power");
        var inventory = machine.Read();
        Assert.Equal(
            ["UIO Slot1", "UIO Slot1", "UIO Slot1"],
            inventory.Functions.Values.Where(f => f.Address is { Domain: 1, Bus: 1 }).Select(f => f.Slot)
        );
    }

    [Fact]
    public void Reads_an_ARM_machine_whose_bridges_are_platform_devices()
    {
        using var machine = MachineFixture.Load("arm");
        var inventory = machine.Read();
        Assert.Empty(inventory.Problems);
        Assert.Equal(
            ("aarch64", InterruptRemapping.NotApplicable, true),
            (inventory.Facts.Architecture, inventory.Facts.InterruptRemapping, inventory.Facts.IommuEnabled)
        );
        Assert.Equal(["arm-smmu.disable_bypass=1", "iommu.passthrough=0", "iommu.strict=1"], inventory.Facts.KernelArguments);
        var disk = Function(inventory, "0005:01:00.0");
        Assert.Equal([PciAddress.Parse("0005:00:00.0")], disk.Path);
        Assert.Equal([new ChildDevice(ChildKind.Disk, "nvme0n1", "/dev/nvme0n1")], disk.Children);
        Assert.Null(Assert.Single(inventory.UsbDevices).Controller);
    }

    [Fact]
    public void Names_the_variant_driver_of_the_narrowest_alias_as_the_loaded_module_calls_it()
    {
        using var machine = MachineFixture.Load("arm");
        Assert.Equal("nvgrace-gpu-vfio-pci", Function(machine.Read(), "0009:01:00.0").VfioVariantDriver);
    }

    [Fact]
    public void Says_that_x86_without_IR_chips_does_not_remap_interrupts()
    {
        using var machine = MachineFixture.Load("x86-server");
        machine.Change("/proc/interrupts = CPU0\\n 24: 0 PCI-MSIX-0000:00:10.0 0-edge PCIe PME");
        Assert.Equal(InterruptRemapping.No, machine.Read().Facts.InterruptRemapping);
        machine.Delete("/proc/interrupts");
        Assert.Equal(InterruptRemapping.Unknown, machine.Read().Facts.InterruptRemapping);
    }

    private static PciFunction Function(HostInventory inventory, string address) => inventory.Functions[PciAddress.Parse(address)];
}
