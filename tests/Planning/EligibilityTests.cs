using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Whether a group can be a VM's at all is decided by the kernel's whole group, before anything is taken.</summary>
public sealed class EligibilityTests
{
    private const string Nic = "0000:04:00.1";

    [Fact]
    public void Case_04_rmrr_direct_is_not_eligible_before_anything_is_taken()
    {
        using var reported = FieldCase.Load("04-rmrr-direct");
        var input = reported.Input();
        var plan = input.Plan();

        plan.Says(
            Nic,
            FindingState.Blocked,
            Reasons.NotEligible,
            "0000:04:00.1 can be given to no VM: the firmware demands that 0xe8000-0xe8fff, 0x7f7e4000-0x7f7ecfff stays mapped one to one "
                + "for its IOMMU group 32 (RMRR with Intel, IVMD with AMD), "
                + "and the kernel refuses such a group: switch off in the firmware what demands it (HP: the shared "
                + "memory features, or RMRR, "
                + "of the slot; others: pre-boot DMA protection), or use another slot"
        );
        Assert.Equal(["0000:00:1a.0"], plan.UnitIds()); // direct-relaxable is harmless
        Assert.DoesNotContain(plan.Steps(), s => s.Contains(Nic, StringComparison.Ordinal));
        Golden.MatchesWords("case-04", input, Nic);
    }

    [Fact]
    public void What_was_in_force_before_direct_regions_were_looked_for_stays_and_is_said()
    {
        using var reported = FieldCase.Load("04-rmrr-direct");
        reported.Machine.Change("[/sys/devices/pci0000:00/0000:00:1c.0/0000:04:00.1]\ndriver = vfio-pci\ndriver_override = vfio-pci");
        var input = reported.Input();
        var plan = (input with { Ownership = Ownership.None.Owns(Nic, "tg3", policy: "hostdevice-nic") }).Plan();

        Assert.Equal(["0000:00:1a.0", Nic], plan.UnitIds());
        Assert.DoesNotContain(plan.Steps(), s => s.Contains(Nic, StringComparison.Ordinal));
        var said = plan.About(Nic);
        Assert.Equal((FindingState.Noticed, Reasons.NotEligible), (said.State, said.Reason));
        Assert.EndsWith(
            "or use another slot. It was in force before this was looked for, and stays so",
            said.Message,
            StringComparison.Ordinal
        );

        Assert.Equal(FindingState.Blocked, input.Plan().About(Nic).State); // found on vfio-pci without a record of ours: newly taken
    }

    [Theory]
    [InlineData(UserKind.Pod, true)]
    [InlineData(UserKind.VfioHolder, true)]
    [InlineData(UserKind.OpenNode, false)]
    public void What_another_tool_bound_and_a_VM_has_stays_offered_for_as_long(UserKind user, bool stays)
    {
        using var reported = FieldCase.Load("04-rmrr-direct");
        reported.Machine.Change("[/sys/devices/pci0000:00/0000:00:1c.0/0000:04:00.1]\ndriver = vfio-pci\ndriver_override = vfio-pci");
        var input = reported.Input();
        Assert.True(input.Plan().AsksWhoUses);
        var plan = (input with { Usage = Given.Users((Nic, user, "somebody has it")) }).Plan();

        Assert.Equal(stays, plan.UnitIds().Contains(Nic));
        Assert.Equal(stays, plan.About(Nic).Message.EndsWith("A VM has it, and it stays as it is for as long", StringComparison.Ordinal));
    }

    [Fact]
    public void A_direct_region_of_a_sibling_is_the_group_s()
    {
        string[] regions =
        [
            "0x0000000000000000 0x00000000000fffff direct-relaxable",
            "0x000000009d000000 0x000000009f7fffff direct",
            "0x00000000fee00000 0x00000000feefffff msi",
        ];
        using var machine = FieldCase.Described(
            """
            [/sys/devices/pci0000:00/0000:00:02.0]
            function = 8086:1901 0000:0000 060400
            driver = pcieport
            group = 2
            [/sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0]
            function = 10de:2204 0000:0000 030000
            driver = nouveau
            group = 2
            [/sys/devices/pci0000:00/0000:00:02.0/0000:01:00.1]
            function = 10de:1aef 0000:0000 040300
            driver = snd_hda_intel
            group = 2
            /sys/kernel/iommu_groups/2/reserved_regions = REGIONS
            """.Replace("REGIONS", string.Join("\\n", regions), StringComparison.Ordinal)
        );
        var plan = machine.Input(Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Contains("demands that 0x9d000000-0x9f7fffff stays mapped", plan.About("0000:01:00.0").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Regions_that_cannot_be_understood_are_a_problem_of_the_inventory()
    {
        using var reported = FieldCase.Load("04-rmrr-direct");
        reported.Machine.Change("/sys/kernel/iommu_groups/33/reserved_regions = garbage");
        Assert.Equal(
            "/sys/kernel/iommu_groups/33/reserved_regions has a line that is not start, end and type: \"garbage\"",
            Assert.Single(reported.Machine.Read().Problems).ToString()
        );
    }

    [Fact]
    public void Case_05_platform_device_in_group_makes_the_group_not_viable()
    {
        const string card = "0004:41:00.0";
        using var reported = FieldCase.Load("05-platform-device-in-group");
        var input = reported.Input();
        var plan = input.Plan();

        Assert.Empty(plan.Lanes);
        Assert.Empty(plan.Units);
        plan.Says(
            card,
            FindingState.Blocked,
            Reasons.GroupNotViable,
            "0004:41:00.0 shares its IOMMU group 1 with fe2a0000.ethernet (driver rk_gmac-dwmac), no PCI function, and VFIO refuses the "
                + "group while the host uses it: unbind it if the host can do without, or use another slot"
        );
        Golden.MatchesWords("case-05", input, card);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("vfio-platform")]
    public void A_platform_device_whose_DMA_nobody_uses_is_in_nobody_s_way(string? driver)
    {
        using var reported = FieldCase.Load("05-platform-device-in-group");
        reported.Machine.Delete("/sys/devices/platform/fe2a0000.ethernet/driver");
        const string link = "/sys/devices/platform/fe2a0000.ethernet/driver -> /sys/bus/platform/drivers/";
        if (driver is not null)
            reported.Machine.Change(link + driver);
        Assert.Equal(["0004:41:00.0"], reported.Input().Plan().UnitIds());
    }

    [Fact]
    public void What_was_in_force_before_platform_devices_were_looked_for_stays_and_is_said()
    {
        using var reported = FieldCase.Load("05-platform-device-in-group");
        reported.Machine.Change("[/sys/devices/pci0004:00/0004:00:00.0/0004:41:00.0]\ndriver = vfio-pci\ndriver_override = vfio-pci");
        var plan = (reported.Input() with { Ownership = Ownership.None.Owns("0004:41:00.0", "r8169", policy: "hostdevice-rtl") }).Plan();

        Assert.Equal(["0004:41:00.0"], plan.UnitIds());
        Assert.Empty(plan.Lanes);
        Assert.Equal((FindingState.Noticed, Reasons.GroupNotViable), (plan.About("0004:41:00.0").State, plan.About("0004:41:00.0").Reason));
    }

    /// <summary>Two virtual functions of NVIDIA's that share a group: the other one is on its driver.</summary>
    private const string SharedGroup = """
        [/sys/devices/pci0000:40/0000:40:01.0]
        function = 8086:2030 0000:0000 060400
        driver = BRIDGE
        group = 12
        [/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.0]
        function = 10de:2204 0000:0000 030000
        driver = vfio-pci
        group = 12
        reset_method = flr bus
        [/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.1]
        function = 10de:2236 0000:0000 030200
        driver = SIBLING
        group = 12

        """;

    /// <summary>
    /// The kernel's own words: a driver that manages its own DMA (<c>driver_managed_dma</c>), which a group's viability asks for. Unknown
    /// is not viable.
    /// </summary>
    [Theory]
    [InlineData("pcieport", "nvidia", "", false)]
    [InlineData("pcieport", "nvidia", "/sys/module/nvidia_vgpu_vfio/", true)]
    [InlineData("pcieport", "nvidia", "/sys/module/vfio_pci_core/holders/nvidia_vgpu_vfio/", true)]
    [InlineData("pcieport", "nvidia", "/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.1/vfio-dev/vfio3/", true)]
    [InlineData("pcieport", "nouveau", "/sys/module/nvidia_vgpu_vfio/", false)]
    [InlineData("pcieport", "mlx5_vfio_pci", "", true)]
    [InlineData("shpchp", "mlx5_vfio_pci", "", false)]
    [InlineData("pci-stub", "pci-stub", "", true)]
    public void A_group_is_viable_by_the_drivers_of_all_its_members(string bridge, string sibling, string more, bool viable)
    {
        using var machine = FieldCase.Described(
            SharedGroup.Replace("BRIDGE", bridge, StringComparison.Ordinal).Replace("SIBLING", sibling, StringComparison.Ordinal) + more
        );
        var unit = new Unit
        {
            Id = PciAddress.Parse("0000:43:00.0"),
            Resource = ResourceName.Parse("example.com/gpu"),
            Policy = Given.Identity("HostDevice", "gpus"),
            Handout = new Handout.VfioGroup
            {
                Primary = PciAddress.Parse("0000:43:00.0"),
                Assigned = [new UnitMember(PciAddress.Parse("0000:43:00.0"), "vfio-pci")],
                Held = [],
                IommuBackend = IommuBackend.Legacy,
            },
            DeviceFile = null,
        };

        // By a whole reading, and by the few links that an answer to the kubelet looks at.
        Assert.Equal(viable, UnitReadiness.StateOf(unit, machine.Machine.Read()).Problem is null);
        Assert.Equal(viable, new Hostdev.DevicePlugin.Allocating.UnitStateReader(machine.Machine.Paths).Read(unit.Handout).Problem is null);
    }
}
