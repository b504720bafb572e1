using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class GroupPolicyTests
{
    [Fact]
    public void A_device_alone_in_its_group_is_proven_free_and_taken_in_four_steps()
    {
        var plan = Given.Input(new Machine().Gpu(), Given.HostDevice()).Plan();

        Assert.Equal(
            [
                "prove 0000:43:00.0 free",
                "record 0000:43:00.0 with nouveau",
                "override vfio-pci on 0000:43:00.0",
                "unbind 0000:43:00.0 from nouveau",
                "probe 0000:43:00.0 for vfio-pci",
            ],
            plan.Steps()
        );
        var unit = Assert.Single(plan.Units);
        Assert.Equal(
            ("0000:43:00.0", "example.com/gpus", PciAddress.Parse("0000:43:00.0")),
            (unit.Id.ToString(), unit.Resource.Value, unit.Primary)
        );
        Assert.Equal([new UnitMember(PciAddress.Parse("0000:43:00.0"), "vfio-pci")], unit.Assigned);
        Assert.Empty(unit.Held);
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void Explicit_with_an_undeclared_sibling_takes_nothing_and_names_both_remedies()
    {
        var plan = Given.Input(new Machine().Gpu().Audio(), Given.HostDevice()).Plan();

        plan.Refuses(
            "0000:43:00.0",
            Reasons.UndeclaredSiblings,
            "0000:43:00.0 shares its IOMMU group with 0000:43:00.1 (10de:1aef, driver snd_hda_intel), which the policy does not declare: "
                + "add members: [{address: \"0000:43:00.1\", assigned: false}] to take it from the host knowingly "
                + "(assigned: true gives it to the VM), or set groupPolicy to HoldSiblings or AssignSiblings"
        );
    }

    [Fact]
    public void Explicit_names_every_undeclared_sibling_whatever_driver_it_has()
    {
        var machine = new Machine()
            .Gpu()
            .Audio()
            .Function("0000:43:00.2", 12, null, "10de:1ada", 0x0c0330, with: f => f with { DeviceName = "TU104 USB" });
        var message = Given.Input(machine, Given.HostDevice()).Plan().About("0000:43:00.0").Message;

        Assert.Contains(
            "with 0000:43:00.1 (10de:1aef, driver snd_hda_intel), 0000:43:00.2 (TU104 USB, no driver), which",
            message,
            StringComparison.Ordinal
        );
        Assert.Contains("take each of them from the host", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_very_many_undeclared_siblings_the_first_eight_are_named_so_that_the_remedy_can_still_be_read()
    {
        var machine = new Machine().Gpu();
        for (var slot = 0; slot < 300; slot++)
            machine.Function(
                $"0000:{0x50 + (slot / 32):x2}:{slot % 32:x2}.0",
                12,
                null,
                "10de:1ada",
                0x0c0330,
                with: f => f with { DeviceName = "a name as long as the PCI id database has them, with brackets [and so on]" }
            );
        var message = Given.Input(machine, Given.HostDevice()).Plan().About("0000:43:00.0").Message;

        Assert.Contains(
            "0000:50:07.0 (a name as long as the PCI id database has them, with brackets [and so on], no driver) and "
                + "292 more, which the policy does not declare: add members:",
            message,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("0000:50:08.0", message, StringComparison.Ordinal);
        Assert.InRange(message.Length, 1, 2048);
    }

    public static TheoryData<string, GroupMember> Declarations =>
        new()
        {
            {
                "by function",
                new GroupMember { Function = 1 }
            },
            {
                "by address",
                new GroupMember { Address = PciAddress.Parse("0000:43:00.1") }
            },
            {
                "by ids",
                new GroupMember { Vendor = PciId.Parse("10de"), Device = PciId.Parse("1aef") }
            },
        };

    [Theory]
    [MemberData(nameof(Declarations))]
    public void A_declared_member_goes_to_the_VM(string how, GroupMember member)
    {
        var plan = Given.Input(new Machine().Gpu().Audio(), Given.HostDevice(pci: p => p with { Members = [member] })).Plan();

        Assert.True(plan.Units.Length == 1, how);
        Assert.Equal(["0000:43:00.0", "0000:43:00.1"], plan.Units[0].Assigned.Select(m => m.Address.ToString()));
        Assert.Equal("0000:43:00.0", plan.Units[0].Primary.ToString());
        Assert.Contains("probe 0000:43:00.1 for vfio-pci", plan.Steps());
    }

    [Fact]
    public void A_member_declared_as_not_assigned_is_held_and_said_so()
    {
        var plan = Given
            .Input(
                new Machine().Gpu().Audio(),
                Given.HostDevice(pci: p => p with { Members = [new GroupMember { Function = 1, Assigned = false }] })
            )
            .Plan();

        Assert.Equal(["0000:43:00.0"], plan.Units[0].Assigned.Select(m => m.Address.ToString()));
        Assert.Equal([new UnitMember(PciAddress.Parse("0000:43:00.1"), "vfio-pci")], plan.Units[0].Held);
        plan.Says(
            "0000:43:00.1",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:43:00.0 (on vfio-pci, because resetting the assigned functions resets it too)"
        );
    }

    [Fact]
    public void Two_like_functions_can_be_one_assigned_and_one_held()
    {
        var machine = new Machine().Gpu().Gpu("0000:43:00.1");
        var member = new GroupMember
        {
            Vendor = PciId.Parse("10de"),
            Device = PciId.Parse("2204"),
            Assigned = false,
        };
        var unit = Assert.Single(Given.Input(machine, Given.HostDevice(pci: p => p with { Members = [member] })).Plan().Units);

        Assert.Equal(["0000:43:00.0"], unit.Assigned.Select(m => m.Address.ToString()));
        Assert.Equal(["0000:43:00.1"], unit.Held.Select(m => m.Address.ToString()));
    }

    [Fact]
    public void Two_selected_functions_of_one_group_are_one_unit_under_the_lower_address()
    {
        var plan = Given.Input(new Machine().Gpu().Gpu("0000:43:00.1"), Given.HostDevice()).Plan();

        Assert.Equal(["0000:43:00.0", "0000:43:00.1"], Assert.Single(plan.Units).Assigned.Select(m => m.Address.ToString()));
        Assert.Equal(1, Assert.Single(plan.Policies).Matched);
    }

    [Fact]
    public void AssignSiblings_gives_everything_to_the_VM()
    {
        var unit = Assert.Single(
            Given
                .Input(new Machine().Gpu().Audio(), Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings }))
                .Plan()
                .Units
        );

        Assert.Equal(["0000:43:00.0", "0000:43:00.1"], unit.Assigned.Select(m => m.Address.ToString()));
        Assert.Empty(unit.Held);
    }

    [Fact]
    public void HoldSiblings_puts_them_on_pci_stub_when_the_assigned_functions_reset_on_their_own()
    {
        var plan = Given
            .Input(new Machine().Gpu(flr: true).Audio(), Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }))
            .Plan();

        Assert.Equal([new UnitMember(PciAddress.Parse("0000:43:00.1"), "pci-stub")], plan.Units[0].Held);
        plan.Says(
            "0000:43:00.1",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:43:00.0 (on pci-stub, because the assigned functions reset on their own)"
        );
        Assert.Contains("probe 0000:43:00.1 for pci-stub", plan.Steps());
    }

    [Fact]
    public void A_held_sibling_goes_to_vfio_pci_where_the_host_has_no_pci_stub()
    {
        var machine = new Machine().Gpu(flr: true).Audio().Facts(f => f with { PassthroughDrivers = ["vfio-pci"] });
        var plan = Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan();

        Assert.Equal("vfio-pci", plan.Units[0].Held[0].Driver);
    }

    [Fact]
    public void The_unit_is_named_after_the_lowest_function_that_is_no_bridge_whatever_is_assigned()
    {
        var machine = new Machine().Bridge("0000:40:01.0", 12).Audio("0000:43:00.0").Gpu("0000:43:00.1");
        var unit = Assert.Single(
            Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan().Units
        );

        Assert.Equal(("0000:43:00.0", "0000:43:00.1"), (unit.Id.ToString(), unit.Primary.ToString()));
    }

    [Theory]
    [InlineData("pcieport")]
    [InlineData("pci-stub")]
    [InlineData("vfio-pci")]
    [InlineData(null)]
    public void A_bridge_in_the_group_is_neither_declared_nor_touched(string? driver)
    {
        var plan = Given.Input(new Machine().Bridge("0000:40:01.0", 12, driver).Gpu(), Given.HostDevice()).Plan();

        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        Assert.DoesNotContain(plan.Steps(), s => s.Contains("0000:40:01.0", StringComparison.Ordinal));
    }

    [Fact]
    public void A_bridge_on_a_driver_that_VFIO_refuses_blocks_the_group()
    {
        var plan = Given.Input(new Machine().Bridge("0000:40:01.0", 12, "shpchp").Gpu(), Given.HostDevice()).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:43:00.0",
            FindingState.Blocked,
            Reasons.GroupNotViable,
            "the bridge 0000:40:01.0 in group 12 is on the driver shpchp, with which VFIO refuses the group: unbind "
                + "it, or load pcieport for it"
        );
    }

    [Fact]
    public void VFs_in_one_group_cannot_be_passed_one_by_one()
    {
        var plan = Given.Input(new Machine().PhysicalFunction(vfs: 2, vfGroup: 30), Given.Sriov(2)).Plan();

        Assert.Empty(plan.Units);
        plan.Says(
            "0000:41:10.0",
            FindingState.Blocked,
            Reasons.UndeclaredSiblings,
            "0000:41:10.0 shares its IOMMU group with 0000:41:10.2 (8086:10ca, no driver): virtual functions can be "
                + "passed one by one only where the slot isolates them (ACS); enable ACS in firmware or use another slot"
        );
    }

    [Fact]
    public void A_device_found_on_its_vfio_driver_is_adopted_as_it_is()
    {
        var plan = Given.Input(new Machine().Gpu(driver: "vfio-pci"), Given.HostDevice()).Plan();

        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        Assert.Empty(plan.Lanes);
        Assert.Empty(Given.Input(new Machine().Gpu(driver: "vfio-pci")).Plan().Lanes);
    }

    [Fact]
    public void Half_a_sequence_is_continued()
    {
        var begun = new Machine().Gpu().Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci", Driver = null });
        var plan = (Given.Input(begun, Given.HostDevice()) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau") }).Plan();

        Assert.Equal(["record 0000:43:00.0 with no driver and override vfio-pci", "probe 0000:43:00.0 for vfio-pci"], plan.Steps());
    }

    [Fact]
    public void What_a_policy_says_of_the_offer_stands_in_the_unit()
    {
        var file = new DeviceFile { Uid = 107, Gid = 107 };
        var unit = Assert.Single(
            Given
                .Input(
                    new Machine().Gpu(),
                    Given.HostDevice(pci: p => p with { IommuBackend = IommuBackend.Legacy }, spec: s => s with { DeviceFile = file })
                )
                .Plan()
                .Units
        );

        Assert.Equal((IommuBackend.Legacy, file), (unit.IommuBackend, unit.DeviceFile));
        Assert.False(unit.Cordoned);
    }
}
