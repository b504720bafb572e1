using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
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

/// <summary>What stands in the way, and for whom it is said.</summary>
public sealed partial class StatusBuilderTests
{
    [Fact]
    public void Allocations_name_their_pods_once_they_are_known()
    {
        var given = new Allocation
        {
            Id = "a",
            Resource = "example.com/gpus",
            Functions = [],
            Nodes = [],
            AnsweredAt = default,
            Pod = "default/vm",
        };
        var status = Status(
            Given.Input(Taken, Given.HostDevice()),
            AllocationLedger.Empty.Record(given).Record(given with { Id = "b", Pod = null })
        );

        Assert.Equal(
            [new AllocationStatus("a", "example.com/gpus", "default", "vm"), new AllocationStatus("b", "example.com/gpus", null, null)],
            status.Allocations
        );
    }

    [Fact]
    public void A_resource_that_the_kubelet_does_not_have_degrades_the_node()
    {
        var unreached = Resource("example.com/gpus") with
        {
            Problem = new ResourceProblem(Reasons.KubeletAbsent, "the kubelet's socket does not exist"),
        };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [unreached]);

        Assert.Equal(
            new ResourceStatus("example.com/gpus", 1, 1, false, "the kubelet's socket does not exist"),
            Assert.Single(status.Resources)
        );
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

        Assert.Equal(
            [new ResourceStatus("example.com/gpus", 1, 1, true, null), new ResourceStatus("example.com/old", 1, 1, true, null)],
            status.Resources
        );
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
        Assert.Equal(
            ["/lib/modules/6.12/modules.alias is not there: no variants", "/sys/bus/pci/slots/1/address is empty"],
            status.Host.Problems
        );
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

        Assert.Equal(
            new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.StillHeld, sentence, null),
            Assert.Single(policy.Problems, p => p.State != FindingState.Adopted)
        );
        Assert.Equal(
            (Reasons.Progressing, sentence, 1, 0, 0),
            (policy.Reason, policy.Message, policy.Matched, policy.Ready, policy.Blocked)
        );
        Assert.Equal($"Not offered as example.com/gpus: {sentence}", status.Devices.Single(d => d.Id == "0000:43:00.0").State);
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
        Assert.Equal(
            ["0000:43:00.0 Blocked", "0000:44:00.0 Waiting"],
            policy.Problems.Where(p => p.State != FindingState.Adopted).Select(p => $"{p.Device} {p.State}")
        );
        Assert.Equal((2, 0, 1), (policy.Matched, policy.Ready, policy.Blocked));
    }

    [Fact]
    public void A_refusal_of_a_device_that_no_policy_offers_any_more_troubles_nobody()
    {
        var refused = new RefusedDevice(
            "0000:45:00.0",
            Reasons.NotOffered,
            "0000:45:00.0 is not offered on this node any more",
            1,
            default,
            Shown: true
        );
        var here = Resource("example.com/gpus") with { Registered = true, StreamLive = true, Refused = [refused] };
        var status = Status(Given.Input(Taken, Given.HostDevice()), kubelet: [here]);

        Assert.Equal(Reasons.Ready, Assert.Single(status.Policies).Reason);
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
    }

    [Theory]
    [InlineData("nvidia.com/TU104GL", "12", true)]
    [InlineData("example.com/gpus", "12", true)]
    [InlineData("nvidia.com/TU104GL", "0000:44:00.0", false)]
    [InlineData("nvidia.com/TU104GL", "13", false)]
    public void A_device_that_KubeVirt_offers_too_is_said(string resource, string id, bool said)
    {
        var socket = $"kubevirt-{resource.Replace('/', '-')}.sock";
        var status = Status(Given.Input(Taken, Given.HostDevice()), others: [new OtherOffer(resource, socket, ["11", id])]);
        var problems = status.Policies[0].Problems.Where(p => p.State == FindingState.Noticed);
        var words =
            $"0000:43:00.0 is offered by KubeVirt's own device plugin too, as {resource} ({socket}), so that two VMs may be given it: "
            + "set externalResourceProvider: true on that entry of permittedHostDevices, or remove the entry";

        Assert.Equal(
            said ? [("0000:43:00.0", Reasons.OfferedByKubeVirt, words)] : [],
            problems.Select(p => (p.Device, p.Reason, p.Message))
        );
    }

    [Theory]
    [InlineData("21", true)] // KubeVirt's plugin for mediated devices lists groups, as that for PCI does
    [InlineData("22", false)]
    public void A_mediated_device_that_KubeVirt_offers_too_is_said(string id, bool said)
    {
        var uuid = MdevUuid.Parse("5a1e0b7c-9f34-8d21-b6a0-1234567890ab");
        var there = new MdevDevice
        {
            Uuid = uuid,
            Parent = "0000:43:00.0",
            TypeId = "nvidia-222",
            IommuGroup = 21,
        };
        var machine = Taken.Build();
        machine = machine with { Mdevs = [there], Groups = machine.Groups.Add(21, new IommuGroup(21, [], "DMA")) };
        var unit = Offering.Units.Of("0000:43:00.0") with
        {
            Id = uuid,
            Handout = new Handout.MediatedDevice { Uuid = uuid, TypeId = "nvidia-222" },
        };
        var offer = new OtherOffer("nvidia.com/GRID_T4-1Q", "kubevirt-nvidia.com-GRID_T4-1Q.sock", [id]);
        var findings = DoubleOffers.Tell(Plan.Nothing with { Units = [unit] }, machine, [offer]).Findings;

        Assert.Equal(said ? [($"{uuid}", Reasons.OfferedByKubeVirt)] : [], findings.Select(f => (f.Device, f.Reason)));
    }

    /// <summary>Sockets are named alike; an address is Harvester's, the number of a group is KubeVirt's.</summary>
    [Theory]
    [InlineData("nvidia.com/TU104GL_TESLA_T4", "0000:43:00.0", "0000:43:00.0 is offered")]
    [InlineData("nvidia.com/TU104GL_TESLA_T4", "0000:43:00.1", "0000:43:00.1 of 0000:43:00.0 is offered")]
    [InlineData("nvidia.com/TU104GL_TESLA_T4", "0000:44:00.0", null)]
    [InlineData("example.com/gpus", "0000:43:00.0", null)] // our own list
    public void A_device_that_Harvester_offers_too_is_said_with_what_ends_it_there(string resource, string id, string? what)
    {
        var socket = $"kubevirt-{resource.Replace('/', '-')}.sock";
        var policy = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings });
        var machine = new Machine().Bridge("0000:40:01.0", 11).Audio(driver: "pci-stub").Gpu(driver: "vfio-pci", flr: true);
        var status = Status(Given.Input(machine, policy), others: [new OtherOffer(resource, socket, ["0000:00:1f.0", id])]);
        var problems = status.Policies[0].Problems.Where(p => p.State == FindingState.Noticed);
        var words =
            $"{what} by Harvester's device plugin too, as {resource} ({socket}), so that two VMs may be given it: delete its "
            + "PCIDeviceClaim (switch off its VGPUDevice, where it is a vGPU), or remove it from this policy";

        Assert.Equal(
            what is null ? [] : [("0000:43:00.0", Reasons.OfferedByHarvester, words)],
            problems.Select(p => (p.Device, p.Reason, p.Message))
        );
    }

    [Theory]
    [InlineData("intel.com/igb", "intel.com_igb.sock", "0000:43:00.0", "0000:43:00.0 is offered", " (intel.com_igb.sock)")]
    [InlineData("intel.com/igb", "plugin.sock", "0000:43:00.1", "0000:43:00.1 of 0000:43:00.0 is offered", "")]
    [InlineData("intel.com/igb", "intel.com_igb.sock", "12", null, "")] // a number is KubeVirt's word for a group, and nobody else's
    [InlineData("intel.com/igb", "intel.com_igb.sock", "0000:44:00.0", null, "")]
    [InlineData("example.com/gpus", "plugin.sock", "0000:43:00.0", null, "")] // of whom the name is, is said elsewhere
    public void A_device_that_another_plugin_offers_too_is_said(string resource, string socket, string id, string? what, string who)
    {
        var policy = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings });
        var machine = new Machine().Bridge("0000:40:01.0", 11).Audio(driver: "pci-stub").Gpu(driver: "vfio-pci", flr: true);
        var status = Status(Given.Input(machine, policy), others: [new OtherOffer(resource, socket, ["0000:00:1f.0", id])]);
        var problems = status.Policies[0].Problems.Where(p => p.State == FindingState.Noticed);
        var words =
            $"{what} by another device plugin too, as {resource}{who}, so that two pods may be given it: remove it from that plugin's "
            + "configuration, or from this policy";

        Assert.Equal(
            what is null ? [] : [("0000:43:00.0", Reasons.OfferedByAnother, words)],
            problems.Select(p => (p.Device, p.Reason, p.Message))
        );
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
        var status = StatusBuilder.Build(
            Taken,
            Given.Input(Taken).Plan(),
            Catalog.Empty,
            AllocationLedger.Empty,
            [],
            new DesiredState(_directory)
        );

        Condition(status, "Synced", "Unknown", "NoDesiredState", "no desired state was read yet: nothing is touched");
        Condition(status, "Ready", "False", "NotAsDesired", "no desired state was read yet");
    }

    [Fact]
    public void The_host_is_described()
    {
        var host = Status(Given.Input(new Machine().Facts(f => f with { InterruptRemapping = InterruptRemapping.NotApplicable }))).Host;

        Assert.Equal(
            ("6.12.0", "x86_64", "boot-1", true, "NotApplicable"),
            (host.Kernel, host.Architecture, host.BootId, host.Iommu, host.InterruptRemapping)
        );
        Assert.Equal(["intel_iommu=on"], host.KernelArguments);
    }

    [Fact]
    public void The_same_state_gives_the_same_text_whenever_it_is_asked()
    {
        var input = Given.Input(
            new Machine().Gpu().Audio().PhysicalFunction(vfs: 2),
            Given.HostDevice(),
            Given.Sriov(4),
            Given.HostDevice("others", new PciSelector { Class = PciClass.Parse("04") })
        );
        var given = new Allocation
        {
            Id = "a",
            Resource = "example.com/gpus",
            Functions = [],
            Nodes = [],
            AnsweredAt = default,
            Pod = "default/vm",
        };
        var later = given with { AnsweredAt = DateTimeOffset.UnixEpoch, AbsentSince = DateTimeOffset.UnixEpoch };

        Assert.Equal(
            NodeDeviceStateWriter.ToJson(Status(input, AllocationLedger.Empty.Record(given))).ToJsonString(),
            NodeDeviceStateWriter
                .ToJson(Status(input with { Policies = [.. input.Policies.Reverse()] }, AllocationLedger.Empty.Record(later)))
                .ToJsonString()
        );
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
}
