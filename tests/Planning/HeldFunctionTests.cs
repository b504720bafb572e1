using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Where each held function goes: what no reset of the assigned ones reaches, a VM need not be able to open.</summary>
public sealed class HeldFunctionTests
{
    private const string Gpu = "0000:05:00.0";

    [Fact]
    public void Case_16_held_siblings_on_other_buses_go_to_pci_stub_each_for_itself()
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        var input = reported.Input();
        var plan = input.Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(
            ["0000:01:00.0 pci-stub", "0000:01:00.1 pci-stub", "0000:03:00.0 pci-stub", "0000:05:00.1 vfio-pci"],
            unit.Held.Select(m => $"{m.Address} {m.Driver}")
        );
        plan.Says(
            "0000:03:00.0",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:01:00.0 (on pci-stub, because no reset of the assigned functions reaches it)"
        );
        plan.Says(
            "0000:05:00.1",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:01:00.0 (on vfio-pci, because resetting the assigned functions resets it too)"
        );
        Assert.Equal(
            "example.com/gtx: with 0000:05:00.0 the host loses 0000:01:00.0 (USB controller 1022:43d0, driver xhci_hcd), "
                + "0000:01:00.1 (SATA controller 1022:43c8, driver ahci, with sda), "
                + "0000:03:00.0 (Ethernet controller 10ec:8168, driver r8169, with enp3s0), "
                + "0000:05:00.1 (Audio device 10de:0fb9, driver snd_hda_intel)",
            unit.HostLoses
        );
        Golden.MatchesWords("case-16", input, "0000:01:00.1");
    }

    [Fact]
    public void A_kernel_that_does_not_tell_how_a_function_is_reset_is_not_quoted()
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        const string card = "/sys/devices/pci0000:01/0000:01:00.2/0000:02:02.0/0000:05:00.0";
        reported.Machine.Change($"[{card}]\nreset =");
        reported.Machine.Delete($"{card}/reset_method");
        var plan = reported.Input().Plan();

        plan.Says(
            "0000:05:00.1",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:01:00.0 (on vfio-pci, because this kernel does not tell whether resetting the assigned functions resets it too)"
        );
        Assert.DoesNotContain(plan.Findings, f => f.Reason == Reasons.SharedReset);
    }

    [Fact]
    public void What_lies_anywhere_below_the_bridge_is_reset_too()
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:01/0000:01:00.2/0000:02:02.0/0000:05:01.0]
            function = 8086:1234 0000:0000 060400
            driver = pcieport
            group = 12
            [/sys/devices/pci0000:01/0000:01:00.2/0000:02:02.0/0000:05:01.0/0000:06:00.0]
            function = 8086:10d3 0000:0000 020000
            driver = e1000e
            group = 12
            """
        );
        Assert.Contains("0000:06:00.0 vfio-pci", Assert.Single(reported.Input().Plan().Units).Held.Select(m => $"{m.Address} {m.Driver}"));
    }

    [Theory]
    [InlineData("flr bus", "pci-stub")]
    [InlineData("af_flr", "pci-stub")]
    [InlineData("device_specific bus", "pci-stub")]
    [InlineData("acpi", "pci-stub")]
    [InlineData("pm bus", "vfio-pci")]
    [InlineData("bus", "vfio-pci")]
    public void A_function_that_resets_alone_takes_nothing_with_it(string methods, string driver)
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        reported.Machine.Change($"/sys/devices/pci0000:01/0000:01:00.2/0000:02:02.0/0000:05:00.0/reset_method = {methods}");
        Assert.Equal(driver, Assert.Single(reported.Input().Plan().Units).Held.Single(m => m.Address.ToString() == "0000:05:00.1").Driver);
    }

    [Fact]
    public void Without_pci_stub_what_has_a_driver_goes_to_vfio_pci_and_what_has_none_is_left_alone()
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        reported.Machine.Delete("/sys/bus/pci/drivers/pci-stub");
        reported.Machine.Delete("/sys/devices/pci0000:01/0000:01:00.2/0000:02:00.0/0000:03:00.0/driver");
        var plan = reported.Input().Plan();

        Assert.Equal(
            ["0000:01:00.0 vfio-pci", "0000:01:00.1 vfio-pci", "0000:05:00.1 vfio-pci"],
            Assert.Single(plan.Units).Held.Select(m => $"{m.Address} {m.Driver}")
        );
        plan.Says(
            "0000:01:00.0",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:01:00.0 (on vfio-pci, because the host has no pci-stub)"
        );
        plan.Says(
            "0000:03:00.0",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:01:00.0 (without a driver, as it was; the host has no pci-stub)"
        );
        Assert.DoesNotContain(plan.Steps(), s => s.Contains("0000:03:00.0", StringComparison.Ordinal));
    }

    [Fact]
    public void What_an_earlier_version_holds_on_vfio_pci_stays_there_and_the_sentence_says_the_truth()
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        var ownership = Ownership.None;
        foreach (
            var (path, address, driver) in (ReadOnlySpan<(string, string, string)>)
                [
                    ("0000:01:00.0", "0000:01:00.0", "xhci_hcd"),
                    ("0000:01:00.1", "0000:01:00.1", "ahci"),
                    ("0000:01:00.2/0000:02:00.0/0000:03:00.0", "0000:03:00.0", "r8169"),
                    ("0000:01:00.2/0000:02:02.0/0000:05:00.0", Gpu, "nouveau"),
                    ("0000:01:00.2/0000:02:02.0/0000:05:00.1", "0000:05:00.1", "snd_hda_intel"),
                ]
        )
        {
            reported.Machine.Change($"[/sys/devices/pci0000:01/{path}]\ndriver = vfio-pci\ndriver_override = vfio-pci");
            ownership = ownership.Owns(address, driver, policy: "hostdevice-gtx");
        }

        var plan = (reported.Input() with { Ownership = ownership }).Plan();
        Assert.Empty(plan.Lanes);
        Assert.Equal(["0000:01:00.0"], plan.UnitIds());
        plan.Says(
            "0000:03:00.0",
            FindingState.Held,
            Reasons.HeldSibling,
            "Held by 0000:01:00.0 (on vfio-pci, where it was; from the host it would go to pci-stub, "
                + "because no reset of the assigned functions reaches it)"
        );
    }

    [Fact]
    public void What_the_reset_would_reach_in_other_groups_is_said()
    {
        using var reported = FieldCase.Load("16-held-siblings-on-other-buses");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:01/0000:01:00.2/0000:02:02.0/0000:05:02.0]
            function = 144d:a808 0000:0000 010802
            driver = nvme
            group = 13
            """
        );
        var plan = reported.Input().Plan();

        Assert.Single(plan.Units);
        plan.Says(
            Gpu,
            FindingState.Noticed,
            Reasons.SharedReset,
            "0000:05:00.0 is not reset on its own, and a reset of the bus would reset 0000:05:02.0 (nvme) too, "
                + "which is in other IOMMU groups: "
                + "it is not done, so the next VM may find the device as the last one left it; use a slot of its own, where that matters"
        );

        reported.Machine.Change("/sys/devices/pci0000:01/0000:01:00.2/0000:02:02.0/0000:05:00.0/reset_method = flr");
        Assert.DoesNotContain(reported.Input().Plan().Findings, f => f.Reason == Reasons.SharedReset);
    }

    [Fact]
    public void A_held_function_that_somebody_s_VM_keeps_from_being_taken_does_not_withdraw_the_unit()
    {
        // pci-stub is loaded while a VM has the group, in which a function without a driver is left alone.
        var machine = new Machine().Gpu(driver: "vfio-pci", flr: true).Audio(driver: null);
        var input = Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            Usage = Given.Users(("0000:43:00.1", UserKind.VfioHolder, "/dev/vfio/12 is held open by process 9 (qemu)")),
        };
        var plan = input.Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        Assert.Contains(
            plan.Findings,
            f => f is { Device: "0000:43:00.1", Message: "Held by 0000:43:00.0 (without a driver)" } && f.State == FindingState.Held
        );
    }
}
