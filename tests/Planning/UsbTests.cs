using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>USB devices in plans: which are meant, what keeps them from being lent, and what is done when they come back.</summary>
public sealed class UsbTests
{
    private static readonly UsbPort s_first = UsbPort.Parse("0000:01:00.0/1");
    private static readonly UsbPort s_second = UsbPort.Parse("0000:01:00.0/2.3");

    [Fact]
    public void Two_like_sticks_are_told_apart_by_port_and_by_serial_and_selectors_add_up()
    {
        var inventory = With(Stick(s_first, "A"), Stick(s_second, "B"));

        Assert.Equal(["0000:01:00.0/1", "0000:01:00.0/2.3"], Ids(inventory, new UsbSelector { Vendor = PciId.Parse("46f4") }));
        Assert.Equal(["0000:01:00.0/2.3"], Ids(inventory, new UsbSelector { Serial = "B" }));
        Assert.Equal(["0000:01:00.0/1"], Ids(inventory, new UsbSelector { Port = "0000:01:00.0/1" }));
        Assert.Empty(Ids(inventory, new UsbSelector { Port = "0000:01:00.0/1", Serial = "B" }));
        Assert.Equal(2, Ids(inventory, new UsbSelector { Serial = "A" }, new UsbSelector { Port = "0000:01:00.0/2.3" }).Count);
        Assert.Empty(Ids(inventory, new UsbSelector { Port = "1-1" })); // of a version before: the number of a bus names no socket
    }

    [Fact]
    public void A_hub_is_given_to_nobody_and_a_policy_that_means_one_says_so()
    {
        var plan = Plan(With(Stick(s_first, null) with { IsHub = true }), new UsbSelector { Port = s_first.ToString() });

        Assert.Empty(plan.Units);
        Assert.Equal(": 0000:01:00.0/1 is a hub, which is given to nobody; name what is in its ports", plan.Policies.Single().Hint);
    }

    [Fact]
    public void Where_nothing_matches_what_there_is_is_listed()
    {
        var plan = Plan(With(Stick(s_first, "A")), new UsbSelector { Serial = "B" });

        Assert.Equal(", which has 1 on USB: 0000:01:00.0/1 (46f4:0001)", plan.Policies.Single().Hint);
    }

    [Fact]
    public void What_cannot_be_read_of_it_keeps_it_the_host_s()
    {
        var problem = new ReadProblem("/sys/bus/usb/devices/1-1/serial", "cannot be read: EIO");
        var plan = Plan(With(Stick(s_first, null) with { Unreadable = [problem] }), new UsbSelector { Port = s_first.ToString() });

        Assert.Empty(plan.Units);
        plan.Says(
            "0000:01:00.0/1",
            FindingState.Blocked,
            Reasons.Unreadable,
            "0000:01:00.0/1 is left as it is, because /sys/bus/usb/devices/1-1/serial cannot be read: EIO: look at dmesg; unplug it and "
                + "plug it in again, or scan its bus again"
        );
    }

    [Fact]
    public void Allowed_by_its_port_a_mounted_stick_is_lent_and_the_proof_passes_over_that_use_alone()
    {
        var input = Input(With(Stick(s_first, "A")), [], [Protection.Storage]) with
        {
            Usage = Given.Users(("0000:01:00.0/1", UserKind.Mount, "sdb is mounted at /data")),
        };
        var lend = (PlanStep.Lend)input.Plan().Units.Single().OnAllocate!.Steps.Single();

        Assert.Equal([UserKind.Mount, UserKind.Swap, UserKind.StackedDevice], lend.MayBeUsed);
        Assert.Equal([s_first], lend.MustBeFree);
        var busy = input with { Usage = Given.Users(("0000:01:00.0/1", UserKind.OpenNode, "/dev/bus/usb/001/002 is open in pcscd")) };
        Assert.Equal(Reasons.InUse, busy.Plan().Units.Single().OnAllocate!.Obstacle!.Reason);
    }

    [Fact]
    public void Who_has_a_stick_has_the_disk_that_it_is_and_the_other_way_round()
    {
        var disk = ScsiDisk.Of("0000:01:00.0/1", "at 6:0:0:0", 0);
        var inventory = With(Stick(s_first, "A")) with
        {
            ScsiDevices =
            [
                new ScsiDevice
                {
                    Id = disk,
                    Address = "6:0:0:0",
                    GenericName = "sg2",
                    Type = 0,
                    UsbDevice = s_first,
                },
            ],
        };
        var input = Input(inventory);
        Assert.Equal([s_first, disk], ((PlanStep.Lend)input.Plan().Units.Single().OnAllocate!.Steps.Single()).MustBeFree);

        var busy = input with { Usage = Given.Users((disk.ToString(), UserKind.Pod, "pod vms/vm has the disk")) };
        Assert.Equal(
            "0000:01:00.0/1 (1-1, 46f4:0001) is in use: pod vms/vm has the disk: it can be given to a pod as soon as nobody uses it",
            busy.Plan().Units.Single().OnAllocate!.Obstacle!.Message
        );
    }

    [Fact]
    public void What_the_pod_that_has_it_does_with_it_is_nobody_else_s_use()
    {
        var input = Input(With(Stick(s_first, "A"))) with
        {
            Given = [s_first],
            Usage = Given.Users(("0000:01:00.0/1", UserKind.OpenNode, "/dev/bus/usb/001/002 is open in qemu")),
        };
        var plan = input.Plan();

        Assert.Null(plan.Units.Single().OnAllocate!.Obstacle);
        Assert.Empty(plan.Findings);
    }

    /// <summary>Not what had none before, and not what the kernel made since: another configuration has other interfaces.</summary>
    [Fact]
    public void What_comes_back_without_a_driver_that_it_had_is_given_to_the_kernel_to_find_it()
    {
        var stick = Stick(s_first, "A") with
        {
            Interfaces = [new("1.0", 0x080650, null), new("1.1", 0x030101, null), new("1.2", 0, "cdc_acm"), new("1.3", 0, null)],
        };
        var input = Lent(With(stick), "1.0=usb-storage 1.1= 1.2=cdc_acm");

        Assert.Equal(
            [
                new PlanStep.ProbeInterface(s_first, "1-1:1.0", "usb-storage"),
                new PlanStep.ProbeInterface(s_first, "1-1:1.3", null),
                new PlanStep.Record(new JournalRecord.ForgetLoan(s_first)),
            ],
            input.Plan().Lanes.Single().Steps.Select(s => s.Step)
        );
        Assert.Empty((input with { Given = [s_first] }).Plan().Lanes);
    }

    [Fact]
    public void What_is_gone_or_has_its_drivers_is_forgotten()
    {
        PlanStep forget = new JournalRecord.ForgetLoan(s_first);

        Assert.Equal([forget], Lent(With(Stick(s_first, "A")), "1.0=usb-storage").Plan().Lanes.Single().Steps.Select(s => s.Step));
        Assert.Equal([forget], Lent(With(), "1.0=usb-storage").Plan().Lanes.Single().Steps.Select(s => s.Step));
    }

    /// <summary>A dongle has an interface without a driver where the stick that was lent had one: none will ever be found for it.</summary>
    [Fact]
    public void Another_device_in_the_socket_was_never_lent_and_is_as_the_kernel_makes_it()
    {
        var dongle = Stick(s_first, null) with { Vendor = PciId.Parse("0529"), Interfaces = [new("1.0", 0xff0000, null)] };

        Assert.Equal(
            [new PlanStep.Record(new JournalRecord.ForgetLoan(s_first))],
            Lent(With(dongle), "1.0=usb-storage").Plan().Lanes.Single().Steps.Select(s => s.Step)
        );
    }

    [Fact]
    public void What_a_process_still_has_claimed_waits_for_it()
    {
        var stick = Stick(s_first, "A") with { Interfaces = [new("1.0", 0x080650, "usbfs")] };
        var plan = Lent(With(stick), "1.0=usb-storage").Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:01:00.0/1",
            FindingState.Releasing,
            Reasons.ReleaseWaits,
            "0000:01:00.0/1 was given back by a pod, and a process still has 1-1:1.0: end it, for example its VMM"
        );
    }

    [Fact]
    public void A_driver_that_does_not_come_back_is_said_until_it_is_tried_again()
    {
        var stick = Stick(s_first, "A") with { Interfaces = [new("1.0", 0x080650, null)] };
        var input = Lent(With(stick), "1.0=usb-storage") with
        {
            Setbacks = Given.Setback("release 0000:01:00.0/1", Reasons.StepFailed, "1-1:1.0 did not come back to usb-storage"),
        };
        var plan = input.Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:01:00.0/1",
            FindingState.Releasing,
            Reasons.NotReturned,
            "0000:01:00.0/1 was given back by a pod, and not all of it has its driver again: 1-1:1.0 did not come back to usb-storage"
        );
    }

    [Fact]
    public void A_halt_lends_nothing_and_says_why()
    {
        var input = Input(With(Stick(s_first, "A"))) with { Halt = new Halt(Reasons.BootLoop, "the node boots again and again", true) };

        Assert.Equal(new Obstacle(Reasons.BootLoop, "the node boots again and again"), input.Plan().Units.Single().OnAllocate!.Obstacle);
    }

    [Fact]
    public void Without_a_deviceFile_the_node_is_KubeVirt_s_and_with_one_as_it_says()
    {
        var inventory = With(Stick(s_first, "A"));

        Assert.Equal(new DeviceFile { Uid = 107, Gid = 107 }, Plan(inventory, new UsbSelector { Serial = "A" }).Units.Single().DeviceFile);
        var own = Policy([new UsbSelector { Serial = "A" }], [], new DeviceFile { Uid = 1000 });
        Assert.Equal(new DeviceFile { Uid = 1000 }, Given.Input(inventory, own).Plan().Units.Single().DeviceFile);
    }

    [Theory]
    [InlineData("1.0=usb-storage 1.1=", "1.0=usb-storage 1.1=")]
    [InlineData("1.1= 1.0=usbhid", "1.0=usbhid 1.1=")]
    [InlineData("", "")]
    public void Drivers_of_interfaces_have_one_text(string text, string written) =>
        Assert.Equal(written, InterfaceDrivers.Parse(text).ToString());

    [Theory]
    [InlineData("1.0")]
    [InlineData("=usbhid")]
    [InlineData("1.0=a 1.0=b")]
    public void What_says_not_which_interface_has_which_driver_is_refused_with_the_form(string text) =>
        Assert.Equal(
            $"\"{text}\" says not which interfaces have which drivers: 1.0=usb-storage 1.1= is meant, each interface once",
            Assert.Throws<FormatException>(() => InterfaceDrivers.Parse(text)).Message
        );

    private static UsbDevice Stick(UsbPort port, string? serial) =>
        new()
        {
            Port = port,
            PortPath = $"1-{string.Join('.', port.Ports)}",
            Vendor = PciId.Parse("46f4"),
            Product = PciId.Parse("0001"),
            Serial = serial,
            BusNumber = 1,
            DeviceNumber = 1 + port.Ports[^1],
            IsHub = false,
            Controller = PciAddress.Parse("0000:01:00.0"),
            Interfaces = [new("1.0", 0x080650, "usb-storage")],
        };

    private static HostInventory With(params ImmutableArray<UsbDevice> devices) =>
        new Machine().Function("0000:01:00.0", 5, "xhci_hcd", "1b36:000d", 0x0c0330).Build() with
        {
            UsbDevices = devices,
        };

    private static PlanningInput Lent(HostInventory inventory, string drivers) =>
        Input(inventory) with
        {
            Ownership = Ownership.None with
            {
                Loans = ImmutableSortedDictionary<DeviceId, OwnedLoan>.Empty.Add(
                    s_first,
                    new OwnedLoan(s_first, "46f4:0001:A", "stick", InterfaceDrivers.Parse(drivers))
                ),
            },
        };

    private static PlanningInput Input(
        HostInventory inventory,
        ImmutableArray<UsbSelector> selectors = default,
        ImmutableArray<Protection> allowed = default
    ) =>
        Given.Input(
            inventory,
            Policy(
                selectors.IsDefaultOrEmpty ? [new UsbSelector { Port = s_first.ToString() }] : selectors,
                allowed.IsDefault ? [] : allowed
            )
        );

    private static EffectivePolicy Policy(
        ImmutableArray<UsbSelector> selectors,
        ImmutableArray<Protection> allowed,
        DeviceFile? file = null
    ) =>
        Given.HostDevice(
            "stick",
            spec: s =>
                s with
                {
                    AllowProtected = allowed,
                    DeviceFile = file,
                    Devices = new DeviceSource { Usb = new UsbDevices { Selectors = selectors } },
                }
        );

    private static Plan Plan(HostInventory inventory, params ImmutableArray<UsbSelector> selectors) => Input(inventory, selectors).Plan();

    private static List<string> Ids(HostInventory inventory, params ImmutableArray<UsbSelector> selectors) =>
        [.. Plan(inventory, selectors).Units.Select(u => u.Id.ToString())];
}
