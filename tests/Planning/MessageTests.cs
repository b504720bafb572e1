using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// The right decision in the right words: what is said names the cause that this host has, and what to do about that one (case
/// 13-messages).
/// </summary>
public sealed class MessageTests
{
    [Fact]
    public void Case_13_messages_an_IOMMU_that_the_command_line_turns_off_is_to_be_turned_on_there()
    {
        using var reported = FieldCase.Load("13-messages", "amd-iommu-off.txt");
        var input = reported.Input("amd-iommu-off.yaml");

        input
            .Plan()
            .Says(
                "0000:01:00.0",
                FindingState.Blocked,
                Reasons.NoIommu,
                "0000:01:00.0 has no IOMMU group: remove amd_iommu=off from the kernel command line, which turns the IOMMU off"
            );
        Golden.MatchesWords("case-13-amd-iommu-off", input, "0000:01:00.0");
    }

    [Theory]
    [InlineData(
        "remove intel_iommu=off from the kernel command line, which turns the IOMMU off, and boot with intel_iommu=on",
        "intel_iommu=off"
    )]
    [InlineData(
        "remove intel_iommu=off from the kernel command line, which turns the IOMMU off, and boot with intel_iommu=on",
        "intel_iommu=on",
        "intel_iommu=off"
    )]
    [InlineData("remove iommu=off from the kernel command line, which turns the IOMMU off", "iommu=off", "intel_iommu=on")]
    [InlineData(
        "remove intel_iommu=sm_on,off and iommu=off from the kernel command line, which turns the IOMMU off, and boot with intel_iommu=on",
        "iommu=off",
        "intel_iommu=sm_on,off"
    )]
    [InlineData(
        "enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on (Intel; AMD needs no argument)",
        "intel_iommu=off",
        "intel_iommu=on",
        "iommu=pt"
    )]
    // does nothing on Intel
    [InlineData("enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on (Intel; AMD needs no argument)", "amd_iommu=off")]
    public void Of_arguments_the_last_of_a_name_counts_and_only_those_of_this_hosts_IOMMU(string remedy, params string[] arguments)
    {
        var machine = new Machine()
            .Function("0000:43:00.0", null, "nouveau")
            .Function("0000:00:00.0", null, null)
            .Change("0000:00:00.0", f => f with { ClassCode = 0x060000, Vendor = new PciId(0x8086) })
            .Facts(f => f with { IommuEnabled = false, KernelArguments = [.. arguments] });

        Given
            .Input(machine, Given.HostDevice())
            .Plan()
            .Says("0000:43:00.0", FindingState.Blocked, Reasons.NoIommu, $"0000:43:00.0 has no IOMMU group: {remedy}");
    }

    [Fact]
    public void Case_13_messages_a_function_that_the_IOMMU_leaves_out_is_no_reason_to_turn_it_on()
    {
        using var reported = FieldCase.Load("13-messages", "no-group-for-one.txt");
        var input = reported.Input("no-group-for-one.yaml");

        input
            .Plan()
            .Says(
                "0000:00:02.0",
                FindingState.Blocked,
                Reasons.NoIommu,
                "0000:00:02.0 has no IOMMU group: the IOMMU is on, and this function is left out of it: "
                    + "igfx_off in intel_iommu=on,igfx_off on the kernel command line does that, remove it there"
            );
        Golden.MatchesWords("case-13-no-group-for-one", input, "0000:00:02.0");
    }

    [Fact]
    public void A_function_that_is_left_out_for_another_reason_is_not_put_down_to_igfx_off()
    {
        var machine = new Machine()
            .Function("0000:43:00.0", null, "nouveau")
            .Facts(f => f with { IommuEnabled = true, KernelArguments = ["intel_iommu=on,igfx_off"] });

        Given
            .Input(machine, Given.HostDevice())
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Blocked,
                Reasons.NoIommu,
                "0000:43:00.0 has no IOMMU group: the IOMMU is on, and this function is left out of it: look at "
                    + "dmesg for DMAR, AMD-Vi or arm-smmu; "
                    + "its firmware's tables name no IOMMU for it, which an update of the firmware may mend"
            );
    }

    [Fact]
    public void Case_13_messages_a_card_on_pci_stub_is_taken_from_it_and_goes_back_to_it()
    {
        using var reported = FieldCase.Load("13-messages", "pci-stub.txt");
        var input = reported.Input("pci-stub.yaml");
        var plan = input.Plan();

        Assert.Contains("unbind 0000:44:00.0 from pci-stub", plan.Steps());
        plan.Says(
            "0000:44:00.0",
            FindingState.Noticed,
            Reasons.Adopted,
            "0000:44:00.0 was found on pci-stub: it is taken from it for this policy, and goes back to pci-stub when its policy goes"
        );
        var asItIs = Assert.Single(plan.Findings, f => f.Device == "0000:43:00.0");
        Assert.Equal("0000:43:00.0 was found on vfio-pci: it is used as it is, and stays there when its policy goes", asItIs.Message);
        Golden.MatchesWords("case-13-pci-stub", input, "0000:44:00.0");
    }

    [Fact]
    public void Case_13_messages_a_pool_of_vendor_vGPU_VFs_is_not_told_to_load_the_driver_that_they_are_on()
    {
        using var reported = FieldCase.Load("13-messages", "vendor-vfio.txt");
        var input = reported.Input("vendor-vfio.yaml");

        input
            .Plan()
            .Says(
                "0000:3b:00.4",
                FindingState.Blocked,
                Reasons.NotSupported,
                "0000:3b:00.4 is on nvidia, as the policy asks, and that is no driver that gives whole devices to "
                    + "VFIO: vGPU VFs of their vendor's driver are "
                    + "for a MdevProfile, take them out of the policy; for other devices name vfio-pci or a variant of it"
            );
        Golden.MatchesWords("case-13-vendor-vfio", input, "0000:3b:00.4");
    }

    [Fact]
    public void Case_13_messages_no_VFs_at_all_is_a_setting_of_the_cards_firmware()
    {
        using var reported = FieldCase.Load("13-messages", "totalvfs-zero.txt");
        var input = reported.Input("totalvfs-zero.yaml");
        var plan = input.Plan();

        plan.Says(
            "0000:a1:00.0",
            FindingState.Blocked,
            Reasons.NoSriov,
            "0000:a1:00.0 asks for 8 VFs, and its sriov_totalvfs is 0: SR-IOV is off in the card's firmware: turn it on there "
                + "(mlxconfig -d 0000:a1:00.0 set SRIOV_EN=1 NUM_OF_VFS=8), and reboot"
        );
        plan.Says(
            "0000:a2:00.0",
            FindingState.Blocked,
            Reasons.NoSriov,
            "0000:a2:00.0 has no SR-IOV capability: select another device, or enable SR-IOV in its firmware"
        );
        Golden.MatchesWords("case-13-totalvfs-zero", input, "0000:a1:00.0");
    }

    [Theory]
    [InlineData(
        "nvidia",
        null,
        "our own unbind from nvidia has not returned for 31 s: its driver waits for its users, which may be in the kernel "
            + "(nvidia-smi -pm 0 ends its persistence mode; stop nvidia-persistenced)"
    )]
    [InlineData("nouveau", null, "our own unbind from nouveau has not returned for 31 s: its driver waits for its users")]
    [InlineData(null, "driver_override", "our own write to driver_override has not returned for 31 s: the kernel waits for who holds it")]
    [InlineData(
        null,
        "sriov_numvfs",
        "our own write to sriov_numvfs has not returned for 31 s: the kernel waits for the users of its virtual functions"
    )]
    public void Case_13_messages_what_cannot_be_read_because_our_own_write_hangs_has_that_for_its_cause(
        string? unbindsFrom,
        string? attribute,
        string cause
    )
    {
        var late = new ReadProblem(
            "/sys/devices/x/0000:43:00.0/driver_override",
            "has been blocked for 31 s: the kernel holds the device's lock"
        )
        {
            Unanswered = true,
        };
        var input = Given.Input(new Machine().Gpu().Change("0000:43:00.0", f => f with { Unreadable = [late] }), Given.HostDevice()) with
        {
            Unreturned =
            [
                Late("0000:99:00.0", null, "sriov_numvfs", 60), // of another
                Late("10000:43:00.0", "nvme", null, 60), // behind a VMD
                Late("0000:43:00.0", unbindsFrom, attribute, 31),
            ],
        };

        Assert.Equal(
            $"0000:43:00.0 is left as it is: {cause}. It goes on when they let go, and cannot be cancelled: a write "
                + "to its remove file, or a rescan, "
                + "would hang as well and hold up all of the machine's PCI",
            Assert.Single(input.Plan().Findings, f => f.Reason == Reasons.StepTimedOut).Message
        );
    }

    private static UnreturnedWrite Late(string address, string? unbindsFrom, string? attribute, int seconds) =>
        new(
            PciAddress.Parse(address),
            unbindsFrom is null ? PciFiles.Attribute(PciAddress.Parse(address), attribute!) : PciFiles.Unbind(unbindsFrom),
            TimeSpan.FromSeconds(seconds)
        );
}
