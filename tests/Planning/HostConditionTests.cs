using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>What the host lacks: nothing is touched then, and the remedy fits the host.</summary>
public sealed class HostConditionTests
{
    [Theory]
    [InlineData("x86_64", "enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on (Intel; AMD needs no argument)")]
    [InlineData("aarch64", "enable the SMMU in the firmware")]
    [InlineData("riscv64", "enable the IOMMU in the firmware")]
    public void Without_an_IOMMU_group_nothing_is_touched(string architecture, string remedy)
    {
        var machine = new Machine()
            .Function("0000:43:00.0", null, "nouveau")
            .Facts(f => f with { Architecture = architecture, IommuEnabled = false });
        var plan = Given.Input(machine, Given.HostDevice()).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says("0000:43:00.0", FindingState.Blocked, Reasons.NoIommu, $"0000:43:00.0 has no IOMMU group: {remedy}");
    }

    [Fact]
    public void Functions_without_a_group_are_each_told_so()
    {
        var plan = Given.Input(new Machine().Function("0000:43:00.0", null).Function("0000:44:00.0", null), Given.HostDevice()).Plan();

        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], plan.Findings.Select(f => f.Device));
        Assert.Equal(2, Assert.Single(plan.Policies).Matched);
    }

    [Fact]
    public void Without_interrupt_remapping_nothing_is_touched()
    {
        var plan = Given
            .Input(new Machine().Gpu().Facts(f => f with { InterruptRemapping = InterruptRemapping.No }), Given.HostDevice())
            .Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:43:00.0",
            FindingState.Blocked,
            Reasons.NoInterruptRemapping,
            "0000:43:00.0 cannot be passed safely: the host does not remap interrupts; enable it in firmware (VT-d "
                + "or AMD-Vi with x2APIC) and remove intremap=off from the kernel command line"
        );
    }

    [Theory]
    [InlineData(InterruptRemapping.NotApplicable)]
    [InlineData(InterruptRemapping.Yes)]
    public void Hosts_that_remap_interrupts_or_need_no_remapping_are_fine(InterruptRemapping remapping) =>
        Assert.Single(
            Given.Input(new Machine().Gpu().Facts(f => f with { InterruptRemapping = remapping }), Given.HostDevice()).Plan().Units
        );

    [Fact]
    public void A_driver_that_is_not_loaded_is_named_before_anything_is_unbound()
    {
        var plan = Given.Input(new Machine().Gpu().Facts(f => f with { PassthroughDrivers = ["pci-stub"] }), Given.HostDevice()).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:43:00.0",
            FindingState.Blocked,
            Reasons.DriverMissing,
            "0000:43:00.0 needs the driver vfio-pci, which is not loaded or gives no devices to VFIO: run \"modprobe "
                + "vfio-pci\" on the host and list it in /etc/modules-load.d"
        );
    }

    [Fact]
    public void The_driver_of_every_function_that_is_taken_must_be_loaded_not_only_the_primary_s()
    {
        var machine = new Machine().Gpu().Audio().Change("0000:43:00.1", f => f with { VfioVariantDriver = "odd_vfio_pci" });
        var plan = Given
            .Input(
                machine,
                Given.HostDevice(pci: p =>
                    p with
                    {
                        Driver = new DriverChoice { Type = DriverType.Auto },
                        GroupPolicy = GroupPolicy.AssignSiblings,
                    }
                )
            )
            .Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:43:00.0",
            FindingState.Blocked,
            Reasons.DriverMissing,
            "0000:43:00.1 needs the driver odd_vfio_pci, which is not loaded or gives no devices to VFIO: run "
                + "\"modprobe odd_vfio_pci\" on the host and list it in /etc/modules-load.d"
        );
    }

    [Fact]
    public void The_driver_that_holds_a_sibling_must_be_loaded_too()
    {
        var machine = new Machine().Gpu().Audio().Facts(f => f with { PassthroughDrivers = ["mlx5_vfio_pci"] });
        var named = new DriverChoice { Type = DriverType.Named, Name = "mlx5_vfio_pci" };
        var plan = Given
            .Input(machine, Given.HostDevice(pci: p => p with { Driver = named, GroupPolicy = GroupPolicy.HoldSiblings }))
            .Plan();

        Assert.Empty(plan.Lanes);
        Assert.StartsWith(
            "0000:43:00.1 needs the driver vfio-pci, which is not loaded",
            plan.About("0000:43:00.0").Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(DriverType.Vfio, null, "vfio-pci")]
    [InlineData(DriverType.Auto, null, "mlx5_vfio_pci")]
    [InlineData(DriverType.Named, "mlx5_vfio_pci", "mlx5_vfio_pci")]
    public void The_driver_choice_decides_the_driver(DriverType type, string? name, string expected)
    {
        var machine = new Machine().Gpu().Change("0000:43:00.0", f => f with { VfioVariantDriver = "mlx5_vfio_pci" });
        var plan = Given
            .Input(
                machine,
                Given.HostDevice(pci: p =>
                    p with
                    {
                        Driver = new DriverChoice { Type = type, Name = name },
                    }
                )
            )
            .Plan();

        Assert.Equal(expected, plan.Units[0].Assigned[0].Driver);
        Assert.Contains($"override {expected} on 0000:43:00.0", plan.Steps());
    }

    [Fact]
    public void Auto_takes_vfio_pci_where_the_kernel_has_no_variant_driver() =>
        Assert.Equal(
            "vfio-pci",
            Given
                .Input(new Machine().Gpu(), Given.HostDevice(pci: p => p with { Driver = new DriverChoice { Type = DriverType.Auto } }))
                .Plan()
                .Units[0]
                .Assigned[0]
                .Driver
        );

    [Fact]
    public void A_changed_driver_choice_moves_the_device_and_keeps_what_was_recorded()
    {
        var machine = new Machine().Gpu(driver: "vfio-pci").Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" });
        var input = Given.Input(
            machine,
            Given.HostDevice(pci: p =>
                p with
                {
                    Driver = new DriverChoice { Type = DriverType.Named, Name = "mlx5_vfio_pci" },
                }
            )
        ) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
        };

        Assert.Equal(
            [
                "prove 0000:43:00.0 free",
                "record 0000:43:00.0 with vfio-pci and override vfio-pci",
                "override mlx5_vfio_pci on 0000:43:00.0",
                "unbind 0000:43:00.0 from vfio-pci",
                "probe 0000:43:00.0 for mlx5_vfio_pci",
            ],
            input.Plan().Steps()
        );
    }
}
