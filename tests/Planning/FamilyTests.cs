using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Nothing is taken from above what it carries.</summary>
public sealed class FamilyTests
{
    private const string Vmd = "0000:17:05.5";
    private const string Disk = "10000:01:00.0";

    [Fact]
    public void Case_03_vmd_child_is_blocked_before_the_first_write()
    {
        using var reported = FieldCase.Load("03-vmd-child");
        var input = reported.Input();

        input
            .Plan()
            .Refuses(
                Disk,
                Reasons.Ancestor,
                "10000:01:00.0 lives behind 0000:17:05.5 (vmd), which is in the same IOMMU group: it would have to be taken too, "
                    + "and 10000:01:00.0 goes when it is; pass 0000:17:05.5 itself, or switch VMD off in the firmware "
                    + "(KubeVirt could not use it either: it reads PCI domains of four digits)"
            );
        Golden.MatchesWords("case-03", input, Disk);
    }

    [Theory]
    [InlineData(GroupPolicy.Explicit)]
    [InlineData(GroupPolicy.AssignSiblings)]
    public void Whatever_the_policy_says_of_the_group(GroupPolicy grouping)
    {
        using var reported = FieldCase.Load("03-vmd-child");
        var disks = new PciSelector { Vendor = PciId.Parse("8086"), Device = PciId.Parse("0a54") };
        var members =
            grouping == GroupPolicy.Explicit
                ? [new GroupMember { Address = PciAddress.Parse(Vmd), Assigned = false }]
                : System.Collections.Immutable.ImmutableArray<GroupMember>.Empty;
        var plan = reported.Input(Given.HostDevice(selector: disks, pci: p => p with { GroupPolicy = grouping, Members = members })).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(Reasons.Ancestor, plan.About(Disk).Reason);
    }

    [Fact]
    public void What_carries_is_passed_with_what_goes_with_it_which_is_said_and_proven_free()
    {
        using var reported = FieldCase.Load("03-vmd-child");
        var input = reported.Input(Given.HostDevice("vmd", new PciSelector { Addresses = [PciAddress.Parse(Vmd)] }));
        var plan = input.Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(Vmd, unit.Id.ToString());
        Assert.Equal([Vmd], unit.Members.Select(m => m.Address.ToString())); // its disks need no declaration: they are gone then
        Assert.Equal(
            "example.com/vmd: with 0000:17:05.5 the host loses 10000:01:00.0 (NVMe controller 8086:0a54, driver nvme, with nvme0n1), "
                + "10000:02:00.0 (NVMe controller 8086:0a54, driver nvme, with nvme1n1)",
            unit.HostLoses
        );
        Assert.All(
            plan.Lanes[0].Steps.Select(s => s.Step).Where(s => s is PlanStep.Unbind or PlanStep.ProveFree),
            s => Assert.Equal([Vmd, Disk, "10000:02:00.0"], s.MustBeFree.Select(a => a.ToString()))
        );
        Golden.MatchesWords("case-03-vmd", input, Vmd);
    }

    [Fact]
    public void What_carries_a_used_device_is_in_use()
    {
        using var reported = FieldCase.Load("03-vmd-child");
        var input = reported.Input(Given.HostDevice("vmd", new PciSelector { Addresses = [PciAddress.Parse(Vmd)] }));
        var plan = (input with { Usage = Given.Users((Disk, UserKind.OpenNode, "process 7 (dd) has /dev/nvme0n1 open")) }).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            Vmd,
            FindingState.Waiting,
            Reasons.InUse,
            "10000:01:00.0 is in use: process 7 (dd) has /dev/nvme0n1 open: it is taken as soon as nobody uses it"
        );
    }

    [Fact]
    public void Selectors_that_match_both_are_asked_to_match_one()
    {
        using var reported = FieldCase.Load("03-vmd-child");
        var plan = reported.Input(Given.HostDevice(selector: new PciSelector { Vendor = PciId.Parse("8086") })).Plan();

        plan.Refuses(
            Vmd,
            Reasons.Ancestor,
            "10000:01:00.0 lives behind 0000:17:05.5 (vmd) and goes when that is taken, and the selectors match both: "
                + "let them match one of the two"
        );
    }

    [Fact]
    public void A_neighbour_that_carries_others_is_not_taken_for_it()
    {
        using var reported = FieldCase.Load("03-vmd-child");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:17/0000:17:00.0]
            function = 10de:2204 0000:0000 030000
            driver = nouveau
            group = 4
            """
        );
        var plan = reported.Input(Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan();

        plan.Refuses(
            "0000:17:00.0",
            Reasons.Ancestor,
            "0000:17:00.0 shares its IOMMU group with 0000:17:05.5 (vmd), which carries 10000:01:00.0, 10000:02:00.0 "
                + "and is not taken from above that: "
                + "pass 0000:17:05.5 itself, or switch VMD off in the firmware, or use another slot for 0000:17:00.0"
        );
    }

    /// <summary>A Thunderbolt controller, and a USB controller that tunnels through it below a port of another group.</summary>
    private const string Tunnel = """
        [/sys/devices/pci0000:00/0000:00:0d.2]
        function = 8086:9a1b 0000:0000 0c0340
        driver = thunderbolt
        group = 5
        [/sys/devices/pci0000:00/0000:00:07.0]
        function = 8086:9a23 0000:0000 060400
        driver = pcieport
        group = 6
        supplier:pci:0000:00:0d.2/status = STATUS
        supplier:pci:0000:00:0d.2/sync_state_only = SYNC
        [/sys/devices/pci0000:00/0000:00:07.0/0000:05:00.0]
        function = 8086:15ec 0000:0000 0c0330
        driver = xhci_hcd
        group = 5
        reset_method = flr

        """;

    [Theory]
    [InlineData("active", "0", true)]
    [InlineData("available", "0", true)]
    [InlineData("not tracked", "0", false)]
    [InlineData("consumer probing", "1", false)]
    public void A_managed_supplier_carries_what_is_below_its_consumer(string status, string sync, bool carries)
    {
        using var machine = FieldCase.Described(
            Tunnel.Replace("STATUS", status, StringComparison.Ordinal).Replace("SYNC", sync, StringComparison.Ordinal)
        );
        var usb = new PciSelector { Addresses = [PciAddress.Parse("0000:05:00.0")] };
        var plan = machine.Input(Given.HostDevice(selector: usb, pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan();

        Assert.Empty(plan.Lanes);
        if (!carries)
            Assert.Equal(Reasons.Protected, plan.About("0000:05:00.0").Reason);
        else
            plan.Refuses(
                "0000:05:00.0",
                Reasons.Ancestor,
                "0000:05:00.0 lives behind 0000:00:0d.2 (thunderbolt), which is in the same IOMMU group: it would have to be taken too, "
                    + "and 0000:05:00.0 goes when it is; pass 0000:00:0d.2 itself"
            );
    }

    [Fact]
    public void A_link_that_only_the_supplier_shows_counts_as_well_and_one_that_cannot_be_told_is_managed()
    {
        var machine = Tunnel
            .Replace("supplier:pci:0000:00:0d.2/status = STATUS\n", "", StringComparison.Ordinal)
            .Replace("supplier:pci:0000:00:0d.2/sync_state_only = SYNC\n", "", StringComparison.Ordinal);
        using var tunnel = FieldCase.Described(machine + "/sys/devices/pci0000:00/0000:00:0d.2/consumer:pci:0000:05:00.0/\n");
        Assert.Equal([PciAddress.Parse("0000:00:0d.2")], tunnel.Machine.Read().Functions[PciAddress.Parse("0000:05:00.0")].Suppliers);
    }

    [Fact]
    public void A_supplier_that_is_overridden_is_taken_only_when_nobody_uses_what_tunnels_through_it()
    {
        using var machine = FieldCase.Described(
            Tunnel
                .Replace("STATUS", "active", StringComparison.Ordinal)
                .Replace("SYNC", "0", StringComparison.Ordinal)
                .Replace("group = 5\nreset_method", "group = 7\nreset_method", StringComparison.Ordinal)
        );
        var controller = new PciSelector { Addresses = [PciAddress.Parse("0000:00:0d.2")] };
        var input = machine.Input(Given.HostDevice(selector: controller, spec: s => s with { AllowProtected = [Protection.System] }));

        Assert.Equal(["0000:00:0d.2"], input.Plan().UnitIds());
        Assert.Equal(["0000:00:0d.2", "0000:05:00.0"], Assert.Single(input.Plan().Lanes).Disturbs.Select(a => a.ToString()));
        var used = (input with { Usage = Given.Users(("0000:05:00.0", UserKind.Pod, "pod vms/vm has 0000:05:00.0")) }).Plan();
        Assert.Equal((FindingState.Waiting, Reasons.InUse), (used.About("0000:00:0d.2").State, used.About("0000:00:0d.2").Reason));
    }
}
