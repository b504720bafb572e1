using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// When everything stops: the node comes to rest with what is desired, then is given back, and is as it was but for what hands changed.
/// </summary>
internal sealed partial class SequenceEnd(
    SimulatedKernel kernel,
    SteppedAgent agent,
    SteppedKubelet kubelet,
    Uses uses,
    Hands hands,
    UsbHands usbHands,
    ScsiHands scsiHands,
    Lent lent,
    StillClock clock,
    Action<string> tell
)
{
    private static readonly Dictionary<string, ImmutableArray<string>> s_boots = [];

    /// <summary>Reasons that stay although nobody uses anything and nothing fails.</summary>
    private static readonly ImmutableArray<Reason> s_lasting =
    [
        Reasons.TooManyVfs,
        Reasons.UndeclaredSiblings,
        Reasons.Protected,
        Reasons.ClaimedByOther,
        Reasons.ForeignVfs,
        Reasons.PhysicalFunctionUnbound,
        Reasons.HasVirtualFunctions,
        Reasons.HeldSibling,
        Reasons.LeftOver,
        Reasons.Adopted,
        Reasons.OtherVfNumber,
        Reasons.NoVfs,
        Reasons.DriverMissing,
        Reasons.NameChanged,
        Reasons.NameMoved,
        Reasons.NoSriov,
        Reasons.NoRoom,
        Reasons.NoSuchType,
        Risks.SlowUnbind.Reason,
    ];

    public void Check(Action endUse, Action startAgent, Action checkAll)
    {
        tell("everybody lets go");
        endUse();
        hands.Plug();
        usbHands.PutBack();
        scsiHands.PutBack();
        kernel.Faults.Clear();
        ComeToRest(startAgent, checkAll, settled: () => true);
        CheckOffers();
        CheckStatus();
        tell("desire nothing");
        agent.Desire(Desired.Nothing);
        uses.Allowed = [];
        ComeToRest(
            startAgent,
            checkAll,
            settled: () =>
                agent.Ownership
                    is { Functions.IsEmpty: true, PhysicalFunctions.IsEmpty: true, Mdevs.IsEmpty: true, Attributes.IsEmpty: true }
                && agent.Ownership.Loans.IsEmpty
                && agent.Host.Journal.State.Nodes.IsEmpty
        );
        lent.CheckGivenBack(usbHands.Unbound);
        CheckTree();
    }

    /// <summary>Rounds, some minutes apart, until one changes nothing.</summary>
    private void ComeToRest(Action startAgent, Action checkAll, Func<bool> settled)
    {
        for (var round = 0; round < 14; round++)
        {
            startAgent();
            kubelet.ReportPods();
            var before = agent.Moments;
            if (!agent.Reconcile())
            {
                kubelet.AgentGone();
                continue;
            }

            kubelet.SendLists();
            checkAll();
            if (round > 1 && agent.Moments == before && settled())
                return;
            clock.Advance(Setbacks.LongestRetry);
        }

        var owned = string.Join(
            ", ",
            agent.Ownership.Functions.Keys.Concat(agent.Ownership.PhysicalFunctions.Keys).Concat(agent.Ownership.Loans.Keys)
        );
        throw new BrokenPromiseException(
            $"the node does not come to rest: the agent owns {(owned.Length == 0 ? "nothing" : owned)}, its last "
                + $"moment was {agent.LastMoment}; {ReadStatus().ToJsonString()}"
        );
    }

    private void CheckOffers()
    {
        foreach (var unit in agent.Host.Allocator.Catalog.Units.Values)
        {
            // What is taken from the host for a pod alone is listed also while it cannot be taken.
            if (unit.Problem is { } lasting && unit.Unit.OnAllocate is not null && s_lasting.Contains(lasting.Reason))
                continue;
            if (unit.Problem is { } problem)
                throw new BrokenPromiseException($"at rest, {unit.Unit.Id} of {unit.Unit.Resource} is not offered: {problem.Message}");
            if (!kubelet.Offered.Contains((unit.Unit.Resource.Value, unit.Unit.Id.ToString())))
                throw new BrokenPromiseException($"at rest, the kubelet does not know {unit.Unit.Id} of {unit.Unit.Resource}");
            // What hands put on its driver is found so, and left: the others of its group alone are taken for a pod.
            var taken = unit.Unit.OnAllocate?.Brings.Select(b => b.Device).ToHashSet() ?? [];
            var assigned = unit.Unit.Handout is Handout.VfioGroup group ? group.Assigned : [];
            bool IsNotAsItIsOffered(UnitMember m) => (kernel.DriverOf(m.Address.ToString()) == m.Driver) == taken.Contains(m.Address);
            if (assigned.FirstOrDefault(IsNotAsItIsOffered) is { } member)
                throw new BrokenPromiseException(
                    $"at rest, {member.Address} is offered on the driver {kernel.DriverOf(member.Address.ToString())}"
                );
        }
    }

    private void CheckStatus()
    {
        var problems = ReadStatus()["policies"]!
            .AsArray()
            .SelectMany(p => p!["problems"]?.AsArray() ?? [])
            .Where(p => !s_lasting.Contains(Reasons.Of((string)p!["reason"]!)))
            .ToList();
        if (problems.Count > 0)
            throw new BrokenPromiseException(
                $"at rest, with nobody using anything: {string.Join("; ", problems.Select(p => p!.ToJsonString()))}"
            );
        if (ReadStatus()["releasing"] is JsonArray { Count: > 0 } releasing)
            throw new BrokenPromiseException($"at rest, with nobody using anything: releasing {releasing.ToJsonString()}");
    }

    private void CheckTree()
    {
        foreach (var function in hands.Touched.Where(f => kernel.DriverOf(f) is "vfio-pci" && !hands.BoundToVfio.Contains(f)))
        {
            var overridden = File.ReadAllText(kernel.Paths.Resolve($"/sys/bus/pci/devices/{function}/driver_override")).Trim();
            if (overridden != "vfio-pci")
                throw new BrokenPromiseException($"{function} is left on vfio-pci, where no hand bound it, with the override {overridden}");
        }

        agent.Kill();
        hands.Tidy();
        // The order of the boot: disks and hosts get the lowest number that is free.
        usbHands.PullAll();
        scsiHands.Tidy();
        usbHands.PutBack();
        var now = Normalized(TreeSnapshot.Take(kernel.Paths));
        var boot = BootTree();
        var differences = now.Except(boot).Select(l => $"+ {l}").Concat(boot.Except(now).Select(l => $"- {l}")).ToList();
        if (differences.Count > 0)
            throw new BrokenPromiseException($"the node is not as it was:\n{string.Join('\n', differences)}");
    }

    private ImmutableArray<string> BootTree()
    {
        var machine = kernel.Paths.Resolve("/dev/iommu") is var path && File.Exists(path) ? "cdev" : "stock";
        lock (s_boots)
        {
            if (s_boots.TryGetValue(machine, out var known))
                return known;
            using var fresh = new SimulatedKernel(SequenceMachine.For(machine == "cdev" ? 1 : 0));
            return s_boots[machine] = Normalized(TreeSnapshot.Take(fresh.Paths));
        }
    }

    /// <summary>
    /// Interfaces, disks, cards and groups get the lowest number that is free when they appear: which of two has which depends on the order
    /// in which they come back.
    /// </summary>
    private static ImmutableArray<string> Normalized(TreeSnapshot tree) =>
        [
            .. tree
                .Entries.Where(e => !e.Key.StartsWith("/proc/", StringComparison.Ordinal) && e.Key != "/sys/devices/virtual/vfio")
                .Where(e => !UsbNumber().IsMatch(e.Key))
                .Select(e => Numbered().IsMatch(e.Key) ? Unnumbered(e.Key) : Group().Replace($"{e.Key}: {e.Value}", "iommu_groups/#"))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>An interface that came back from another namespace where its name was taken is called dev and its index.</summary>
    private static string Unnumbered(string path) =>
        Numbered().Replace(path, "$1#").Replace("/net/dev#", "/net/eth#", StringComparison.Ordinal);

    private JsonNode ReadStatus() => JsonNode.Parse(File.ReadAllText(agent.StatusPath))!;

    [GeneratedRegex(@"iommu_groups/\d+")]
    private static partial Regex Group();

    [GeneratedRegex(@"\b(eth|dev|card|renderD|nvme-subsys|nvme|Virtual-|dev/char/\d+:|dev/block/\d+:|bus/usb/\d+/)\d+[cn\d]*")]
    private static partial Regex Numbered();

    /// <summary>Files that say which number a USB device has: another one after each replug.</summary>
    [GeneratedRegex(@"/usb\d+(/[\d.-]+)*/(devnum|dev|uevent)$")]
    private static partial Regex UsbNumber();
}
