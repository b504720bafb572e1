using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// What the host needs by a road that no path shows is protected: cases 06-nvme-over-fc-root and 07-kernel-console-on-pci-uart, and what
/// varies them.
/// </summary>
public sealed class OtherRoadCaseTests
{
    private const string Hba = "0000:3b:00.0";
    private const string Serial = "0000:00:16.3";
    private const string Needed = ": the host needs it; free it, or list Storage in allowProtected together with the address";

    [Fact]
    public void Case_06_nvme_over_fc_root_is_protected_with_the_port_that_the_root_comes_over()
    {
        using var reported = FieldCase.Load("06-nvme-over-fc-root");
        var input = reported.Input();

        input
            .Plan()
            .Refuses(
                Hba,
                Reasons.Protected,
                $"{Hba} is in use: nvme0n1p2 is mounted at /, which comes over {Hba} (FC port 0x100000109b000001){Needed}"
            );
        Golden.MatchesWords("case-06", input, Hba);
    }

    [Fact]
    public void A_root_over_iSCSI_is_protected_with_the_interface_that_it_comes_over()
    {
        using var reported = FieldCase.Load("04-rmrr-direct");
        reported.Machine.Change(
            """
            [/sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sda]
            dev = 8:0
            sda2/dev = 8:2
            /sys/class/block/sda -> /sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sda
            /sys/class/block/sda2 -> /sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sda/sda2
            /sys/dev/block/8:2 -> /sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sda/sda2
            /sys/class/iscsi_host/host3/ipaddress = 192.0.2.10
            /proc/1/mountinfo = 22 1 8:2 / / rw - xfs /dev/sda2 rw
            """
        );
        var users = reported.Input().Usage.UsersOf(PciAddress.Parse("0000:04:00.0"));
        const string root = "sda2 is mounted at /, which comes over 0000:04:00.0 (iSCSI, eno1)";
        Assert.Contains(users, u => u is { Protection: Protection.Storage, Description: root });
    }

    [Fact]
    public void Case_06_nvme_over_fc_root_with_a_port_that_is_not_told_protects_every_Fibre_Channel_function()
    {
        using var reported = FieldCase.Load("06-nvme-over-fc-root");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:3b/0000:3b:01.0]
            function = 10df:f500 0000:0000 0c0400
            driver = lpfc
            group = 41
            [/sys/devices/virtual/nvme-fabrics/ctl/nvme0]
            address = traddr=nn-0x5006016000000001:pn-0x5006016100000001
            """
        );
        var plan = reported.Input().Plan();

        Assert.Empty(plan.Lanes);
        foreach (var hba in (string[])[Hba, "0000:3b:01.0"])
        {
            Assert.Equal(
                $"{hba} is in use: nvme0n1p2 is mounted at /, which may come over {hba} (nothing tells its FC port){Needed}",
                plan.About(hba).Message
            );
        }
    }

    [Fact]
    public void Case_06_nvme_over_fc_root_leaves_the_other_adapter_to_be_taken()
    {
        using var reported = FieldCase.Load("06-nvme-over-fc-root");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:3b/0000:3b:01.0]
            function = 10df:f500 0000:0000 0c0400
            driver = lpfc
            group = 41
            reset_method = flr bus
            /sys/class/fc_host/host6 -> /sys/devices/pci0000:3b/0000:3b:01.0/host6/fc_host/host6
            host6/fc_host/host6/port_name = 0x100000109b000002
            """
        );
        var plan = reported.Input().Plan();

        Assert.Equal(Reasons.Protected, plan.About(Hba).Reason);
        Assert.Equal(["0000:3b:01.0"], plan.UnitIds());
    }

    /// <summary>
    /// A node that the version before has set up: what a VM has, or may have, is not given back for a rule that came later.
    /// </summary>
    [Fact]
    public void Case_06_nvme_over_fc_root_takes_nothing_back_that_is_in_force()
    {
        using var reported = FieldCase.Load("06-nvme-over-fc-root");
        reported.Machine.Delete("/sys/class/fc_host/host5");
        reported.Machine.Change(
            $"""
            [/sys/devices/pci0000:3b/{Hba}]
            driver = vfio-pci
            driver_override = vfio-pci
            """
        );
        var plan = (reported.Input() with { Ownership = Ownership.None.Owns(Hba, "lpfc", policy: "HostDevice/hba") }).Plan();

        Assert.Equal([Hba], plan.UnitIds());
        Assert.Empty(plan.Lanes);
        Assert.DoesNotContain(plan.Findings, f => f.State.IsInTheWay);
    }

    [Theory]
    [InlineData("9p", "home", "rw,trans=virtio", "mount_tag = home", "0x0009")]
    [InlineData(
        "virtiofs",
        "home",
        "rw",
        "/sys/fs/virtiofs/0/tag = home\n/sys/fs/virtiofs/0/device -> /sys/devices/pci0000:00/0000:00:05.0/virtio2",
        "0x001a"
    )]
    [InlineData("virtiofs", "home", "rw", "", "0x001a")]
    public void Case_06_nvme_over_fc_root_is_the_same_for_a_share_that_has_no_block_device(
        string type,
        string tag,
        string options,
        string more,
        string kind
    )
    {
        const string address = "0000:00:05.0";
        using var reported = FieldCase.Load("06-nvme-over-fc-root");
        reported.Machine.Change(
            $"""
            [/sys/devices/pci0000:00/{address}]
            function = 1af4:1049 1af4:1100 000200
            driver = virtio-pci
            group = 50
            [/sys/devices/pci0000:00/{address}/virtio2]
            device = {kind}
            {more}
            [/proc]
            1/mountinfo = 22 1 259:2 / / rw - xfs /dev/nvme0n1p2 rw\n31 22 0:40 / /home rw - {type} {tag} {options}
            """
        );
        var plan = reported.Input(Given.HostDevice("share", new PciSelector { Vendor = PciId.Parse("1af4") })).Plan();

        Assert.Empty(plan.Lanes);
        Assert.StartsWith($"{address} is in use: home ({type}) is mounted at /home", plan.About(address).Message, StringComparison.Ordinal);
        Assert.Equal((FindingState.Blocked, Reasons.Protected), (plan.About(address).State, plan.About(address).Reason));
    }

    [Fact]
    public void Case_07_kernel_console_on_pci_uart_is_protected_though_nobody_is_logged_in_there()
    {
        using var reported = FieldCase.Load("07-kernel-console-on-pci-uart");
        var input = reported.Input();

        input
            .Plan()
            .Refuses(
                Serial,
                Reasons.Protected,
                $"{Serial} is in use: the kernel's console ttyS4 is on it; "
                    + "0000:00:16.0 is a part of the machine itself (Communication dev., driver mei_me): "
                    + "the host needs them; list Console, System in allowProtected together with the address 0000:00:16.0 in "
                    + "members to take them all the same"
            );
        Golden.MatchesWords("case-07", input, Serial);

        var policy = (DesiredPolicy.OfHostDevice)input.Policies[0].InForce;
        var pci = policy.Spec.Devices.Pci!;
        var members = pci with { Members = [new GroupMember { Address = PciAddress.Parse("0000:00:16.0"), Assigned = false }] };
        var spec = policy.Spec with { AllowProtected = [Protection.System], Devices = policy.Spec.Devices with { Pci = members } };
        var allowed = new EffectivePolicy(policy with { Spec = spec }, null);
        (input with { Policies = [allowed] })
            .Plan()
            .Refuses(
                Serial,
                Reasons.Protected,
                $"{Serial} is in use: the kernel's console ttyS4 is on it: the host needs it; "
                    + "free it, or list Console in allowProtected together with the address"
            );
    }

    [Fact]
    public void Case_07_kernel_console_on_pci_uart_is_free_where_the_kernel_prints_elsewhere()
    {
        using var reported = FieldCase.Load("07-kernel-console-on-pci-uart");
        reported.Machine.Change(
            """
            [/proc]
            consoles = tty0                 -WU (EC  p  )    4:2
            [/sys/devices/virtual/tty/console]
            active = tty0
            """
        );
        Assert.DoesNotContain(reported.Input().Plan().Findings, f => f.Message.Contains("console", StringComparison.Ordinal));
    }

    [Fact]
    public void Case_07_kernel_console_on_pci_uart_protects_the_controller_of_a_USB_console_too()
    {
        const string xhci = "0000:00:14.0";
        using var reported = FieldCase.Load("07-kernel-console-on-pci-uart");
        reported.Machine.Change(
            $"""
            [/sys/devices/pci0000:00/{xhci}]
            function = 8086:7ae0 0000:0000 0c0330
            driver = xhci_hcd
            group = 7
            /sys/class/tty/ttyUSB0 -> /sys/devices/pci0000:00/{xhci}/usb1/1-3/1-3:1.0/ttyUSB0/tty/ttyUSB0
            [/proc]
            consoles = ttyUSB0              -W- (EC  p  )  188:0
            """
        );
        var plan = reported.Input(Given.HostDevice("usb", new PciSelector { Class = PciClass.Parse("0c03") })).Plan();
        Assert.Contains("the kernel's console ttyUSB0 is on it", plan.About(xhci).Message, StringComparison.Ordinal);
    }
}
