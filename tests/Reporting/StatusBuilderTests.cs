using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>What an admin reads of a node.</summary>
public sealed partial class StatusBuilderTests : IDisposable
{
    private static readonly Machine Taken = new Machine()
        .Gpu(driver: "vfio-pci")
        .Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci", DeviceName = "GA102", NumaNode = 1 });

    private readonly string _directory = Directory.CreateTempSubdirectory("status-").FullName;
    private readonly DesiredState _desired;

    public StatusBuilderTests()
    {
        _desired = new DesiredState(_directory);
        _desired.Offer("desired.yaml", "policies: []");
    }

    [Fact]
    public void A_policy_that_is_fulfilled_says_how_many_it_offers()
    {
        var status = Status(Given.Input(Taken, Given.HostDevice()));
        var policy = Assert.Single(status.Policies);

        Assert.Equal(
            (Reasons.Ready, "1 device offered", 1, 1, 0),
            (policy.Reason, policy.Message, policy.Matched, policy.Ready, policy.Blocked)
        );
        Assert.Equal(new ResourceStatus("example.com/gpus", 1, 1, true, null), Assert.Single(status.Resources));
        Assert.Equal(new StatusCounts(Devices: 1, Offered: 1, Allocated: 0, Problems: 0), status.Counts);
        Condition(status, "Synced", "True", "Followed", "the desired state is followed");
        Condition(status, "Degraded", "False", "AsDesired", "");
        Condition(status, "Progressing", "False", "Settled", "");
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
    }

    [Fact]
    public void A_policy_that_matches_nothing_says_so_and_troubles_nobody()
    {
        var status = Status(Given.Input(new Machine(), Given.HostDevice()));

        Assert.Equal(
            (Reasons.NoMatch, "HostDevice/gpus matches no device of this node"),
            (status.Policies[0].Reason, status.Policies[0].Message)
        );
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
    }

    [Fact]
    public void A_blocked_policy_counts_and_gives_the_first_reason_in_full()
    {
        var input = Given.Input(new Machine().Gpu().Gpu("0000:44:00.0", 13, "vfio-pci"), Given.HostDevice()) with
        {
            Usage = Given.Users(("0000:43:00.0", UserKind.Console, "boot VGA")),
        };
        var status = Status(input);
        var message =
            "1 of 2 devices cannot be offered: 0000:43:00.0 is in use: boot VGA: the host needs it; free it, or list "
            + "Console in allowProtected together with the address";

        Assert.Equal(
            (Reasons.Blocked, message, 2, 1, 1),
            (
                status.Policies[0].Reason,
                status.Policies[0].Message,
                status.Policies[0].Matched,
                status.Policies[0].Ready,
                status.Policies[0].Blocked
            )
        );
        Assert.Equal(
            ("0000:43:00.0", FindingState.Blocked, Reasons.Protected),
            (status.Policies[0].Problems[0].Device, status.Policies[0].Problems[0].State, status.Policies[0].Problems[0].Reason)
        );
        Condition(status, "Degraded", "True", "Blocked", message);
        Condition(status, "Ready", "False", "NotAsDesired", message);
    }

    [Fact]
    public void A_waiting_policy_says_what_it_waits_for()
    {
        var status = Status(
            Given.Input(new Machine().Gpu(), Given.HostDevice()) with
            {
                Usage = Given.Users(("0000:43:00.0", UserKind.OpenNode, "process 7 (Xorg) has /dev/dri/card0 open")),
            }
        );
        var message = "0000:43:00.0 is in use: process 7 (Xorg) has /dev/dri/card0 open: it is taken as soon as nobody uses it";

        Assert.Equal((Reasons.Progressing, message), (status.Policies[0].Reason, status.Policies[0].Message));
        Condition(status, "Progressing", "True", "Waiting", message);
        Condition(status, "Degraded", "False", "AsDesired", "");
    }

    [Fact]
    public void A_unit_that_is_not_on_its_driver_yet_is_in_progress()
    {
        var status = Status(Given.Input(new Machine().Gpu(), Given.HostDevice()));

        Assert.Equal(
            (Reasons.Progressing, "0000:43:00.0 is on the driver nouveau instead of vfio-pci"),
            (status.Policies[0].Reason, status.Policies[0].Message)
        );
        Assert.Equal("Not offered as example.com/gpus: 0000:43:00.0 is on the driver nouveau instead of vfio-pci", status.Devices[0].State);
    }

    [Fact]
    public void Every_unit_that_is_not_offered_stands_in_its_policys_problems_whatever_else_is_found()
    {
        var machine = new Machine().PhysicalFunction(vfs: 3, vfDriver: "vfio-pci").Change("0000:41:10.4", f => f with { Driver = "igbvf" });
        var input = Given.Input(machine, Given.Sriov(3, pools: [Given.Pool("all", 0, 2)])) with
        {
            Ownership = Ownership
                .None.OwnsVfsOf("0000:41:00.0")
                .Owns("0000:41:10.0", null)
                .Owns("0000:41:10.2", null)
                .Owns("0000:41:10.4", null),
            Usage = Given.Users(("0000:41:10.4", UserKind.Pod, "pod default/vm has 0000:41:10.4")),
        };
        var answered = ImmutableDictionary<string, OfferProblem>.Empty.Add(
            "0000:41:10.2",
            new OfferProblem(Reasons.NodeAnswered, "/dev/vfio/101 stands in the answer of pod default/vm")
        );
        var policy = Status(input, refused: answered).Policies[0];

        Assert.Equal(
            [
                new DeviceProblem(
                    "0000:41:10.4",
                    FindingState.Waiting,
                    Reasons.InUse,
                    "0000:41:10.4 is in use: pod default/vm has 0000:41:10.4: it is taken as soon as nobody uses it",
                    null
                ),
                new DeviceProblem(
                    "0000:41:10.2",
                    FindingState.Waiting,
                    Reasons.NodeAnswered,
                    "/dev/vfio/101 stands in the answer of pod default/vm",
                    null
                ),
            ],
            policy.Problems
        );
        Assert.Equal((Reasons.Progressing, 2, 1), (policy.Reason, policy.Matched, policy.Ready));
        Assert.Equal(2, Status(input, refused: answered).Counts!.Problems);
    }

    [Fact]
    public void A_device_that_the_kubelet_was_refused_is_said_and_its_policy_is_not_Ready()
    {
        var refusal = new RefusedDevice(
            "0000:43:00.0",
            Reasons.StillHeld,
            "0000:43:00.0 of example.com/gpus cannot be given out: /dev/vfio/12 is still held open by process 7 (qemu)",
            1,
            default,
            Shown: true
        );
        var resource = Resource("example.com/gpus") with { Registered = true, StreamLive = true, Refused = [refusal] };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [resource]);

        Assert.Equal(
            (Reasons.Progressing, refusal.Message, 1, 0),
            (status.Policies[0].Reason, status.Policies[0].Message, status.Policies[0].Matched, status.Policies[0].Ready)
        );
        Assert.Equal(Reasons.StillHeld, Assert.Single(status.Policies[0].Problems, p => p.State == FindingState.Waiting).Reason);
        Assert.Equal($"Not offered as example.com/gpus: {refusal.Message}", status.Devices[0].State);
        Condition(status, "Ready", "False", "NotAsDesired", refusal.Message);
        Assert.Equal(
            Reasons.Ready,
            Status(Given.Input(Taken, Given.HostDevice()), kubelet: [resource with { Refused = [refusal with { Shown = false }] }])
                .Policies[0]
                .Reason
        );
    }

    [Fact]
    public void Case_10_vfs_that_are_not_there_are_matched_and_not_ready()
    {
        var none = Status(Given.Input(new Machine().PhysicalFunction(), Given.Sriov(null, pools: [Given.Pool("all", 0, 5)]))).Policies[0];
        Assert.Equal(
            (Reasons.Progressing, "0000:41:00.0 has 0 VFs, and pool all names 0-5: make them, or lower last", 6, 0),
            (none.Reason, none.Message, none.Matched, none.Ready)
        );

        var some = Status(
            Given.Input(new Machine().PhysicalFunction(vfs: 2, vfDriver: "vfio-pci"), Given.Sriov(null, pools: [Given.Pool("all", 0, 5)]))
        ).Policies[0];
        Assert.Equal(
            (Reasons.Progressing, "0000:41:00.0 has 2 VFs, and pool all names 0-5: make them, or lower last", 6, 2),
            (some.Reason, some.Message, some.Matched, some.Ready)
        );
    }

    [Fact]
    public void A_frozen_policy_says_why_and_still_counts_what_it_offers()
    {
        var status = Status(
            Given.Input(Taken, Given.HostDevice().Frozen()) with
            {
                Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            }
        );
        var policy = Assert.Single(status.Policies);

        Assert.Equal(
            (Reasons.Frozen, "HostDevice/gpus: this version does not know spec.shiny", 2L, 1, 1),
            (policy.Reason, policy.Message, policy.Generation, policy.Matched, policy.Ready)
        );
        Condition(status, "Degraded", "True", "Frozen", "HostDevice/gpus: this version does not know spec.shiny");
    }

    [Fact]
    public void What_is_given_back_stands_by_itself()
    {
        var input = Given.Input(Taken) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            Usage = Given.Users(("0000:43:00.0", UserKind.Pod, "pod default/vm has 0000:43:00.0")),
        };
        var status = Status(input);
        var message = "0000:43:00.0 is given back as soon as it is let go; it is in use: pod default/vm has 0000:43:00.0";

        Assert.Equal(
            new DeviceProblem("0000:43:00.0", FindingState.Releasing, Reasons.ReleaseWaits, message, "hostdevice-gpus"),
            Assert.Single(status.Releasing)
        );
        Condition(status, "Progressing", "True", "Releasing", message);
    }

    [Fact]
    public void Devices_say_what_they_are_and_who_has_them()
    {
        var machine = new Machine()
            .Bridge("0000:40:01.0", 11)
            .Audio(driver: "pci-stub")
            .PhysicalFunction(vfs: 1)
            .Gpu(driver: "vfio-pci", flr: true)
            .Change("0000:43:00.0", f => f with { DeviceName = "GA102", NumaNode = 1 });
        var status = Status(Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })));

        Assert.Equal(["0000:41:00.0", "0000:43:00.0", "0000:43:00.1"], status.Devices.Select(d => d.Id));
        Assert.Equal(
            [null, "Offered as example.com/gpus", "Held by 0000:43:00.0 (on pci-stub, because the assigned functions reset on their own)"],
            status.Devices.Select(d => d.State)
        );
        var gpu = status.Devices[1];
        Assert.Equal(("pci", "10de:2204", "vfio-pci", 12, 1), (gpu.Class, gpu.Ids, gpu.Driver, gpu.Pci!.IommuGroup, gpu.NumaNode));
        Assert.Equal([new DeviceName("10de:2204", "GA102", "pci")], status.Names);
    }

    [Fact]
    public void Devices_of_all_classes_are_listed_and_hubs_are_not()
    {
        HostInventory machine = new Machine().Gpu();
        UsbDevice stick = Stick("0000:00:14.0/4.2", hub: false);
        var status = Status(
            Given.Input(
                machine with
                {
                    UsbDevices = [stick, Stick("0000:00:14.0/4", hub: true), stick],
                    ScsiDevices =
                    [
                        new ScsiDevice
                        {
                            Id = ScsiDisk.Parse("scsi-0123456789abcdef"),
                            Address = "0:0:1:0",
                            GenericName = "sg1",
                            Type = 0,
                            Vendor = "ACME",
                            Model = "Disk",
                            Serial = "17",
                            Controller = PciAddress.Parse("0000:43:00.0"),
                        },
                    ],
                    MdevParents =
                    [
                        new MdevParent
                        {
                            Name = "0000:43:00.0",
                            NumaNode = 1,
                            Types = [],
                        },
                    ],
                    Mdevs =
                    [
                        new MdevDevice
                        {
                            Uuid = MdevUuid.Parse("5a1e0b7c-9f34-8d21-b6a0-1234567890ab"),
                            Parent = "0000:43:00.0",
                            TypeId = "nvidia-222",
                        },
                    ],
                }
            )
        );

        Assert.Equal(
            ["pci 0000:43:00.0", "usb 0000:00:14.0/4.2", "scsi scsi-0123456789abcdef", "mdev 5a1e0b7c-9f34-8d21-b6a0-1234567890ab"],
            status.Devices.Select(d => $"{d.Class} {d.Id}")
        );
        var (usb, scsi, mdev) = (status.Devices[1], status.Devices[2], status.Devices[3]);
        Assert.Equal(("1050:0407", "usb-storage", new UsbDeviceStatus("0042")), (usb.Ids, usb.Driver, usb.Usb));
        Assert.Equal(new ScsiDeviceStatus("0000:43:00.0", "ACME", "Disk", "17", Address: "0:0:1:0"), scsi.Scsi);
        Assert.Equal((new MdevDeviceStatus("nvidia-222", "0000:43:00.0"), 1), (mdev.Mdev, mdev.NumaNode));
        Assert.Contains(new DeviceName("1050:0407", "Security Key", "usb"), status.Names);
    }

    private static UsbDevice Stick(string port, bool hub) =>
        new()
        {
            Port = UsbPort.Parse(port),
            PortPath = "1-4.2",
            Vendor = PciId.Parse("1050"),
            Product = PciId.Parse("0407"),
            ProductName = "Security Key",
            Serial = "0042",
            BusNumber = 1,
            DeviceNumber = 7,
            IsHub = hub,
            Interfaces = [new UsbInterface("1.0", 0x080650, "usb-storage")],
        };

    [Fact]
    public void VFs_are_ranges_of_like_drivers()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 5, vfDriver: "vfio-pci")
            .Change("0000:41:10.4", f => f with { Driver = null })
            .Change("0000:41:10.6", f => f with { Driver = "igbvf" });
        var vfs = Assert.Single(Status(Given.Input(machine)).VirtualFunctions);

        Assert.Equal(("0000:41:00.0", 8, 5), (vfs.PhysicalFunction, vfs.Total, vfs.Current));
        Assert.Equal(["0-1: vfio-pci", "2: no driver", "3: igbvf", "4: vfio-pci"], vfs.Ranges);
    }

    private NodeDeviceStateStatus Status(
        PlanningInput input,
        AllocationLedger? ledger = null,
        ImmutableArray<ResourceState>? kubelet = null,
        ImmutableArray<OtherOffer> others = default,
        ImmutableDictionary<string, OfferProblem>? refused = null
    )
    {
        var plan = input.Plan();
        var catalog = Catalog.Build(plan, input.Inventory, refused ?? ImmutableDictionary<string, OfferProblem>.Empty);
        var registered = catalog.Resources.Select(r => new ResourceState(r.Name, true, true, false, null, r.Devices, [], []));
        return StatusBuilder.Build(
            input.Inventory,
            plan,
            catalog,
            ledger ?? AllocationLedger.Empty,
            kubelet ?? [.. registered],
            _desired,
            others: others
        );
    }

    private static ResourceState Resource(string name) =>
        new(ResourceName.Parse(name), false, false, false, null, [new AdvertisedDevice("0000:43:00.0", true, 1)], [], []);

    private static void Condition(NodeDeviceStateStatus status, string type, string value, string reason, string message) =>
        Assert.Equal(new NodeCondition(type, value, Reasons.Of(reason), message), Assert.Single(status.Conditions, c => c.Type == type));
}
