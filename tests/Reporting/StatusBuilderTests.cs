using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Planning;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>What an admin reads of a node.</summary>
public sealed class StatusBuilderTests : IDisposable
{
    private static readonly Machine Taken = new Machine().Gpu(driver: "vfio-pci").Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci", DeviceName = "GA102", NumaNode = 1 });

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

        Assert.Equal((Reasons.Ready, "1 device offered", 1, 1, 0),
            (policy.Reason, policy.Message, policy.Matched, policy.Ready, policy.Blocked));
        Assert.Equal(new ResourceStatus("example.com/gpus", 1, 1, true, null), Assert.Single(status.Resources));
        Condition(status, "Synced", "True", "Followed", "the desired state is followed");
        Condition(status, "Degraded", "False", "AsDesired", "");
        Condition(status, "Progressing", "False", "Settled", "");
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
    }

    [Fact]
    public void A_policy_that_matches_nothing_says_so_and_troubles_nobody()
    {
        var status = Status(Given.Input(new Machine(), Given.HostDevice()));

        Assert.Equal((Reasons.NoMatch, "HostDevice/gpus matches no device of this node"), (status.Policies[0].Reason, status.Policies[0].Message));
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
    }

    [Fact]
    public void A_blocked_policy_counts_and_gives_the_first_reason_in_full()
    {
        var input = Given.Input(new Machine().Gpu().Gpu("0000:44:00.0", 13, "vfio-pci"), Given.HostDevice()) with { Usage = Given.Users(("0000:43:00.0", UserKind.Console, "boot VGA")) };
        var status = Status(input);
        var message = "1 of 2 devices cannot be offered: 0000:43:00.0 is in use: boot VGA: the host needs it; free it, or list Console in allowProtected together with the address";

        Assert.Equal((Reasons.Blocked, message, 2, 1, 1), (status.Policies[0].Reason, status.Policies[0].Message, status.Policies[0].Matched, status.Policies[0].Ready, status.Policies[0].Blocked));
        Assert.Equal(("0000:43:00.0", FindingState.Blocked, Reasons.Protected), (status.Policies[0].Problems[0].Device, status.Policies[0].Problems[0].State, status.Policies[0].Problems[0].Reason));
        Condition(status, "Degraded", "True", "Blocked", message);
        Condition(status, "Ready", "False", "NotAsDesired", message);
    }

    [Fact]
    public void A_waiting_policy_says_what_it_waits_for()
    {
        var status = Status(Given.Input(new Machine().Gpu(), Given.HostDevice()) with { Usage = Given.Users(("0000:43:00.0", UserKind.OpenNode, "process 7 (Xorg) has /dev/dri/card0 open")) });
        var message = "0000:43:00.0 is in use: process 7 (Xorg) has /dev/dri/card0 open: it is taken as soon as nobody uses it";

        Assert.Equal((Reasons.Progressing, message), (status.Policies[0].Reason, status.Policies[0].Message));
        Condition(status, "Progressing", "True", "Waiting", message);
        Condition(status, "Degraded", "False", "AsDesired", "");
    }

    [Fact]
    public void A_unit_that_is_not_on_its_driver_yet_is_in_progress()
    {
        var status = Status(Given.Input(new Machine().Gpu(), Given.HostDevice()));

        Assert.Equal((Reasons.Progressing, "0000:43:00.0 is on the driver nouveau instead of vfio-pci"), (status.Policies[0].Reason, status.Policies[0].Message));
        Assert.Equal("Not offered: 0000:43:00.0 is on the driver nouveau instead of vfio-pci", status.Devices[0].State);
    }

    [Fact]
    public void Every_unit_that_is_not_offered_stands_in_its_policys_problems_whatever_else_is_found()
    {
        var machine = new Machine().PhysicalFunction(vfs: 3, vfDriver: "vfio-pci").Change("0000:41:10.4", f => f with { Driver = "igbvf" });
        var input = Given.Input(machine, Given.Sriov(3, pools: [Given.Pool("all", 0, 2)])) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0")
                .Owns("0000:41:10.0", null).Owns("0000:41:10.2", null).Owns("0000:41:10.4", null),
            Usage = Given.Users(("0000:41:10.4", UserKind.Pod, "pod default/vm has 0000:41:10.4")),
        };
        var answered = ImmutableDictionary<string, OfferProblem>.Empty.Add("0000:41:10.2",
            new OfferProblem(Reasons.NodeAnswered, "/dev/vfio/101 stands in the answer of pod default/vm"));
        var policy = Status(input, refused: answered).Policies[0];

        Assert.Equal(
            [
                new DeviceProblem("0000:41:10.4", FindingState.Waiting, Reasons.InUse,
                    "0000:41:10.4 is in use: pod default/vm has 0000:41:10.4: it is taken as soon as nobody uses it", null),
                new DeviceProblem("0000:41:10.2", FindingState.Waiting, Reasons.NodeAnswered,
                    "/dev/vfio/101 stands in the answer of pod default/vm", null),
            ],
            policy.Problems);
        Assert.Equal((Reasons.Progressing, 2, 1), (policy.Reason, policy.Matched, policy.Ready));
    }

    [Fact]
    public void A_device_that_the_kubelet_was_refused_is_said_and_its_policy_is_not_Ready()
    {
        var refusal = new RefusedDevice("0000:43:00.0", Reasons.StillHeld,
            "0000:43:00.0 of example.com/gpus cannot be given out: /dev/vfio/12 is still held open by process 7 (qemu)", 1, default,
            Shown: true);
        var resource = Resource("example.com/gpus") with { Registered = true, StreamLive = true, Refused = [refusal] };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [resource]);

        Assert.Equal((Reasons.Progressing, refusal.Message, 1, 0),
            (status.Policies[0].Reason, status.Policies[0].Message, status.Policies[0].Matched, status.Policies[0].Ready));
        Assert.Equal(Reasons.StillHeld, Assert.Single(status.Policies[0].Problems, p => p.State == FindingState.Waiting).Reason);
        Assert.Equal($"Not offered: {refusal.Message}", status.Devices[0].State);
        Condition(status, "Ready", "False", "NotAsDesired", refusal.Message);
        Assert.Equal(Reasons.Ready,
            Status(Given.Input(Taken, Given.HostDevice()),
            kubelet: [resource with { Refused = [refusal with { Shown = false }] }]).Policies[0].Reason);
    }

    [Fact]
    public void Case_10_vfs_that_are_not_there_are_matched_and_not_ready()
    {
        var none = Status(Given.Input(new Machine().PhysicalFunction(), Given.Sriov(null, pools: [Given.Pool("all", 0, 5)]))).Policies[0];
        Assert.Equal((Reasons.Progressing, "0000:41:00.0 has 0 VFs, and pool all names 0-5: make them, or lower last", 6, 0),
            (none.Reason, none.Message, none.Matched, none.Ready));

        var some = Status(Given.Input(
            new Machine().PhysicalFunction(vfs: 2, vfDriver: "vfio-pci"), Given.Sriov(null, pools: [Given.Pool("all", 0, 5)]))).Policies[0];
        Assert.Equal((Reasons.Progressing, "0000:41:00.0 has 2 VFs, and pool all names 0-5: make them, or lower last", 6, 2),
            (some.Reason, some.Message, some.Matched, some.Ready));
    }

    [Fact]
    public void A_frozen_policy_says_why_and_still_counts_what_it_offers()
    {
        var status = Status(Given.Input(Taken, Given.HostDevice().Frozen()) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau") });
        var policy = Assert.Single(status.Policies);

        Assert.Equal((Reasons.Frozen, "HostDevice/gpus: this version does not know spec.shiny", 2L, 1, 1), (policy.Reason, policy.Message, policy.Generation, policy.Matched, policy.Ready));
        Condition(status, "Degraded", "True", "Frozen", "HostDevice/gpus: this version does not know spec.shiny");
    }

    [Fact]
    public void What_is_given_back_stands_by_itself()
    {
        var input = Given.Input(Taken) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"), Usage = Given.Users(("0000:43:00.0", UserKind.Pod, "pod default/vm has 0000:43:00.0")) };
        var status = Status(input);
        var message = "0000:43:00.0 is given back as soon as it is let go; it is in use: pod default/vm has 0000:43:00.0";

        Assert.Equal(new DeviceProblem("0000:43:00.0", FindingState.Releasing, Reasons.ReleaseWaits, message, "hostdevice-gpus"), Assert.Single(status.Releasing));
        Condition(status, "Progressing", "True", "Releasing", message);
    }

    [Fact]
    public void Devices_say_what_they_are_and_who_has_them()
    {
        var machine = new Machine().Bridge("0000:40:01.0", 11).Audio(driver: "pci-stub").PhysicalFunction(vfs: 1).Gpu(driver: "vfio-pci", flr: true).Change("0000:43:00.0", f => f with { DeviceName = "GA102", NumaNode = 1 });
        var status = Status(Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })));

        Assert.Equal(["0000:41:00.0", "0000:43:00.0", "0000:43:00.1"], status.Devices.Select(d => d.Id));
        Assert.Equal([null, "Offered as example.com/gpus", "Held by 0000:43:00.0 (on pci-stub, because the assigned functions reset on their own)"], status.Devices.Select(d => d.State));
        var gpu = status.Devices[1];
        Assert.Equal(("pci", "10de:2204", "vfio-pci", 12, 1), (gpu.Class, gpu.Ids, gpu.Driver, gpu.Pci!.IommuGroup, gpu.NumaNode));
        Assert.Equal([new DeviceName("10de:2204", "GA102", "pci")], status.Names);
    }

    [Fact]
    public void VFs_are_ranges_of_like_drivers()
    {
        var machine = new Machine().PhysicalFunction(vfs: 5, vfDriver: "vfio-pci").Change("0000:41:10.4", f => f with { Driver = null }).Change("0000:41:10.6", f => f with { Driver = "igbvf" });
        var vfs = Assert.Single(Status(Given.Input(machine)).VirtualFunctions);

        Assert.Equal(("0000:41:00.0", 8, 5), (vfs.PhysicalFunction, vfs.Total, vfs.Current));
        Assert.Equal(["0-1: vfio-pci", "2: no driver", "3: igbvf", "4: vfio-pci"], vfs.Ranges);
    }

    [Fact]
    public void Allocations_name_their_pods_once_they_are_known()
    {
        var given = new Allocation { Id = "a", Resource = "example.com/gpus", Functions = [], Nodes = [], AnsweredAt = default, Pod = "default/vm" };
        var status = Status(Given.Input(Taken, Given.HostDevice()), AllocationLedger.Empty.Record(given).Record(given with { Id = "b", Pod = null }));

        Assert.Equal([new AllocationStatus("a", "example.com/gpus", "default", "vm"), new AllocationStatus("b", "example.com/gpus", null, null)], status.Allocations);
    }

    [Fact]
    public void A_resource_that_the_kubelet_does_not_have_degrades_the_node()
    {
        var unreached = Resource("example.com/gpus") with { Problem = new ResourceProblem(Reasons.KubeletAbsent, "the kubelet's socket does not exist") };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [unreached]);

        Assert.Equal(new ResourceStatus("example.com/gpus", 1, 1, false, "the kubelet's socket does not exist"), Assert.Single(status.Resources));
        Condition(status, "Degraded", "True", "KubeletAbsent", "the kubelet's socket does not exist");
        Condition(status, "Ready", "False", "NotAsDesired", "the kubelet's socket does not exist");
    }

    [Fact]
    public void A_resource_is_registered_when_the_kubelet_watches_it_and_a_leaving_one_stays_listed()
    {
        var here = Resource("example.com/gpus") with { Registered = true, StreamLive = true };
        var leaving = Resource("example.com/old") with { Registered = true, StreamLive = true, Removed = true };
        var gone = Resource("example.com/gone") with { Removed = true, Listed = [] };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [leaving, here, gone]);

        Assert.Equal([new ResourceStatus("example.com/gpus", 1, 1, true, null), new ResourceStatus("example.com/old", 1, 1, true, null)], status.Resources);
        Assert.False(Status(Given.Input(Taken, Given.HostDevice()), kubelet: [here with { StreamLive = false }]).Resources[0].Registered);
    }

    [Fact]
    public void What_is_missing_beside_the_machine_is_said_first_of_the_hosts_problems_and_makes_nobody_unready()
    {
        var input = Given.Input(Taken, Given.HostDevice());
        var inventory = input.Inventory with
        {
            MissingFiles = [new ReadProblem("/lib/modules/6.12/modules.alias", "is not there: no variants")],
            Problems = [new ReadProblem("/sys/bus/pci/slots/1/address", "is empty")],
        };
        var status = Status(input with { Inventory = inventory });
        Assert.Equal(["/lib/modules/6.12/modules.alias is not there: no variants", "/sys/bus/pci/slots/1/address is empty"],
            status.Host.Problems);
        Assert.Equal(Reasons.Ready, Assert.Single(status.Policies).Reason);
    }

    [Fact]
    public void A_device_that_a_pod_was_refused_is_a_finding_with_the_sentence_and_its_policy_is_not_ready()
    {
        const string sentence = "0000:43:00.0 of example.com/gpus cannot be given out: /dev/vfio/12 is still held open by process 7 (qemu)";
        var refused = new RefusedDevice("0000:43:00.0", Reasons.StillHeld, sentence, 1, default, Shown: true);
        var here = Resource("example.com/gpus") with { Registered = true, StreamLive = true, Refused = [refused] };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [here]);
        var policy = Assert.Single(status.Policies);

        Assert.Equal(new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.StillHeld, sentence, null), Assert.Single(policy.Problems, p => p.State != FindingState.Adopted));
        Assert.Equal((Reasons.Progressing, sentence, 1, 0, 0),
            (policy.Reason, policy.Message, policy.Matched, policy.Ready, policy.Blocked));
        Assert.Equal($"Not offered: {sentence}", status.Devices.Single(d => d.Id == "0000:43:00.0").State);
        Condition(status, "Ready", "False", "NotAsDesired", sentence);
    }

    [Fact]
    public void A_refusal_counts_its_device_once_beside_one_that_is_blocked()
    {
        var refused = new RefusedDevice("0000:44:00.0", Reasons.StillHeld, "0000:44:00.0 is still held open", 1, default, Shown: true);
        var usage = Given.Users(("0000:43:00.0", UserKind.Console, "boot VGA"));
        var input = Given.Input(new Machine().Gpu().Gpu("0000:44:00.0", 13, "vfio-pci"), Given.HostDevice()) with { Usage = usage };
        var here = Resource("example.com/gpus") with { Registered = true, StreamLive = true, Refused = [refused] };
        var policy = Assert.Single(Status(input, kubelet: [here]).Policies);

        Assert.StartsWith("1 of 2 devices cannot be offered: ", policy.Message, StringComparison.Ordinal);
        Assert.Equal(["0000:43:00.0 Blocked", "0000:44:00.0 Waiting"], policy.Problems.Where(p => p.State != FindingState.Adopted).Select(p => $"{p.Device} {p.State}"));
        Assert.Equal((2, 0, 1), (policy.Matched, policy.Ready, policy.Blocked));
    }

    [Fact]
    public void A_refusal_of_a_device_that_no_policy_offers_any_more_troubles_nobody()
    {
        var refused = new RefusedDevice("0000:45:00.0", Reasons.NotOffered, "0000:45:00.0 is not offered on this node any more", 1, default, Shown: true);
        var here = Resource("example.com/gpus") with { Registered = true, StreamLive = true, Refused = [refused] };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [here]);

        Assert.Equal(Reasons.Ready, Assert.Single(status.Policies).Reason);
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
    }

    [Theory]
    [InlineData("nvidia.com/TU104GL", "12", true)]
    [InlineData("nvidia.com/TU104GL", "0000:43:00.0", true)]
    [InlineData("example.com/gpus", "12", true)]
    [InlineData("example.com/gpus", "0000:43:00.0", false)] // our own list
    [InlineData("nvidia.com/TU104GL", "13", false)]
    public void A_device_that_KubeVirt_offers_too_is_said(string resource, string id, bool said)
    {
        var socket = $"kubevirt-{resource.Replace('/', '-')}.sock";
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubeVirt: [new KubeVirtOffer(resource, socket, ["11", id])]);
        var problems = status.Policies[0].Problems.Where(p => p.State == FindingState.Noticed);
        var words = $"0000:43:00.0 is offered by KubeVirt's own device plugin too, as {resource} ({socket}), so that two VMs may be given it: "
            + "set externalResourceProvider: true on that entry of permittedHostDevices, or remove the entry";

        Assert.Equal(said ? [("0000:43:00.0", Reasons.OfferedByKubeVirt, words)] : [], problems.Select(p => (p.Device, p.Reason, p.Message)));
    }

    [Fact]
    public void A_desired_state_that_cannot_be_read_is_said()
    {
        _desired.Refuse("desired.yaml does not exist");
        var status = Status(Given.Input(Taken));

        Condition(status, "Synced", "False", "DesiredStateUnreadable", "desired.yaml does not exist");
        Condition(status, "Ready", "False", "NotAsDesired", "desired.yaml does not exist");
    }

    [Fact]
    public void Before_a_desired_state_was_read_nothing_is_known()
    {
        var status = StatusBuilder.Build(Taken, Given.Input(Taken).Plan(), Catalog.Empty, AllocationLedger.Empty, [], new DesiredState(_directory));

        Condition(status, "Synced", "Unknown", "NoDesiredState", "no desired state was read yet: nothing is touched");
        Condition(status, "Ready", "False", "NotAsDesired", "no desired state was read yet");
    }

    [Fact]
    public void The_host_is_described()
    {
        var host = Status(Given.Input(new Machine().Facts(f => f with { InterruptRemapping = InterruptRemapping.NotApplicable }))).Host;

        Assert.Equal(("6.12.0", "x86_64", "boot-1", true, "NotApplicable"), (host.Kernel, host.Architecture, host.BootId, host.Iommu, host.InterruptRemapping));
        Assert.Equal(["intel_iommu=on"], host.KernelArguments);
    }

    [Fact]
    public void The_same_state_gives_the_same_text_whenever_it_is_asked()
    {
        var input = Given.Input(new Machine().Gpu().Audio().PhysicalFunction(vfs: 2), Given.HostDevice(), Given.Sriov(4), Given.HostDevice("others", new PciSelector { Class = PciClass.Parse("04") }));
        var given = new Allocation { Id = "a", Resource = "example.com/gpus", Functions = [], Nodes = [], AnsweredAt = default, Pod = "default/vm" };
        var later = given with { AnsweredAt = DateTimeOffset.UnixEpoch, AbsentSince = DateTimeOffset.UnixEpoch };

        Assert.Equal(
            NodeDeviceStateWriter.ToJson(Status(input, AllocationLedger.Empty.Record(given))).ToJsonString(),
            NodeDeviceStateWriter.ToJson(Status(input with { Policies = [.. input.Policies.Reverse()] }, AllocationLedger.Empty.Record(later))).ToJsonString());
    }

    [Fact]
    public void The_file_is_written_only_when_something_changed()
    {
        var path = Path.Combine(_directory, "status.json");
        var file = new StatusFile(path);
        file.Write(Status(Given.Input(Taken, Given.HostDevice())));
        Assert.Contains("\"reason\": \"Ready\"", File.ReadAllText(path), StringComparison.Ordinal);
        File.Delete(path);
        file.Write(Status(Given.Input(Taken, Given.HostDevice())));
        Assert.False(File.Exists(path));
        file.Write(Status(Given.Input(new Machine(), Given.HostDevice())));
        Assert.Contains("\"reason\": \"NoMatch\"", File.ReadAllText(path), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private NodeDeviceStateStatus Status(
        PlanningInput input, AllocationLedger? ledger = null, ImmutableArray<ResourceState>? kubelet = null,
        ImmutableArray<KubeVirtOffer> kubeVirt = default, ImmutableDictionary<string, OfferProblem>? refused = null)
    {
        var plan = input.Plan();
        var catalog = Catalog.Build(plan, input.Inventory, refused ?? ImmutableDictionary<string, OfferProblem>.Empty);
        var registered = catalog.Resources.Select(r => new ResourceState(r.Name, true, true, false, null, r.Devices, [], []));
        return StatusBuilder.Build(input.Inventory, plan, catalog, ledger ?? AllocationLedger.Empty, kubelet ?? [.. registered], _desired, kubeVirt: kubeVirt);
    }

    private static ResourceState Resource(string name) => new(ResourceName.Parse(name), false, false, false, null, [new AdvertisedDevice("0000:43:00.0", true, 1)], [], []);

    private static void Condition(NodeDeviceStateStatus status, string type, string value, string reason, string message) =>
        Assert.Equal(new NodeCondition(type, value, Reasons.Of(reason), message), Assert.Single(status.Conditions, c => c.Type == type));
}
