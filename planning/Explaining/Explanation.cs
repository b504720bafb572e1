using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Explaining;

/// <summary>
/// Everything that decides about one device: who asks for it, what it is for, all that is in the way and not the first of it alone, who
/// uses it, and what was done to it. Pure, of what planning is given.
/// </summary>
public sealed record Explanation
{
    public required DeviceId Device { get; init; }

    public required PlanningInput Input { get; init; }

    public required Plan Plan { get; init; }

    /// <summary>The unit that it is a part of; null where it is of none.</summary>
    public required Unit? Unit { get; init; }

    /// <summary>Each policy that asks for it, and how: clauses that begin with the policy.</summary>
    public required ImmutableArray<string> AskedBy { get; init; }

    /// <summary>Policies that would ask for it but for one word: sentences.</summary>
    public required ImmutableArray<string> WouldBeAskedBy { get; init; }

    /// <summary>What the plan says of it.</summary>
    public required ImmutableArray<Finding> Findings { get; init; }

    /// <summary>What would be in the way when the first is out of it, in the order in which it would be met.</summary>
    public required ImmutableArray<Finding> Behind { get; init; }

    /// <summary>What the journal holds of it: clauses.</summary>
    public required ImmutableArray<string> Records { get; init; }

    /// <summary>What helps beside the remedies that the findings name.</summary>
    public required ImmutableArray<string> Advice { get; init; }

    /// <summary>It is taken from the host for a unit whose VM does not get it.</summary>
    public bool IsHeld => Unit is not null && Unit.Handout.Drivers.All(d => d.Device != Device);

    /// <summary>Who uses it, and what is made of it, in words.</summary>
    public ImmutableArray<string> Users
    {
        get
        {
            var own = Input.Usage.UsersOf(Device).Select(u => u.Description);
            return [.. own, .. Input.Usage.InWords(DeviceGraph.Of(Input.Inventory).Below(Device, Bond.Made))];
        }
    }

    /// <summary>Something is still to be done for the unit, or for the device.</summary>
    public bool IsChanging =>
        Plan.Lanes.SelectMany(l => l.Steps).Any(s => s.Step.Device is { } d && (d == Device || Unit?.Claims.Contains(d) == true));

    public static Explanation Of(PlanningInput input, DeviceId device) => Of(input, device, Planner.Plan(input));

    internal static Explanation Of(PlanningInput input, DeviceId device, Plan plan)
    {
        var situation = new Situation(input);
        ImmutableArray<PolicyWishes> wishes =
        [
            .. EffectivePolicy.InOrderOfPrecedence(input.Policies).Select(p => PolicyWishes.Of(situation, p)),
        ];
        var decisions = Claims.Decide(situation.Graph, wishes);
        var unit = plan.Units.FirstOrDefault(u => u.Claims.Contains(device));
        var findings = plan.Findings.Where(f => IsAbout(f, device) || IsOfAll(f, unit)).ToImmutableArray();
        var behind = wishes
            .SelectMany(w => w.Behind())
            .Concat(decisions.SelectMany(d => d.Behind))
            .Where(f => IsAbout(f, device) && !findings.Contains(f))
            .Distinct()
            .ToImmutableArray();
        return new Explanation
        {
            Device = device,
            Input = input,
            Plan = plan,
            Unit = unit,
            AskedBy =
            [
                .. wishes
                    .SelectMany(w => w.All)
                    .SelectMany(w => w.Then.Prepend(w))
                    .Select(w => Asks(situation, w, device))
                    .Concat(input.Policies.Select(p => LeavesToTheHost(situation, p.InForce, device)))
                    .Concat(input.Policies.Select(p => AsksForTypes(situation, p.InForce, device)))
                    .OfType<string>()
                    .Distinct(StringComparer.Ordinal),
            ],
            WouldBeAskedBy = [.. input.Policies.Select(p => WouldAsk(situation, p.InForce, device)).OfType<string>()],
            Findings = findings,
            Behind = behind,
            Records = RecordWords.Of(input, device),
            Advice = Explaining.Advice.Of(input, device, [.. findings, .. behind]),
        };
    }

    private static bool IsAbout(Finding finding, DeviceId device) =>
        finding.Device == device.ToString() || device.IsNamedIn(finding.Message);

    /// <summary>What is noticed of a policy as a whole concerns each unit that it has.</summary>
    private static bool IsOfAll(Finding finding, Unit? unit) =>
        unit is not null
        && finding.State == FindingState.Noticed
        && finding.Policy?.Uid == unit.Policy.Uid
        && finding.Device == unit.Policy.ToString();

    private static string? Asks(Situation situation, Wish wish, DeviceId device)
    {
        var policy = situation.Input.Policies.Select(p => p.InForce).FirstOrDefault(p => p.Identity.Uid == wish.Policy.Uid);
        if (wish.Device == device)
        {
            return policy is DesiredPolicy.OfSriovPolicy { Spec: var spec } && device.AsPci is { } address && !IsVf(situation, address)
                ? spec is { Management: VfManagement.Owned, NumVfs: { } number }
                    ? $"{wish.Policy} asks for {number} virtual function{(number == 1 ? "" : "s")} of it, and leaves it to the host"
                    : $"{wish.Policy} asks for the virtual functions that it has, and leaves it to the host"
                : $"{wish.Policy} asks for it";
        }

        if (wish.Named.ContainsKey(device) || wish.Claims.Contains(device))
            return $"{wish.Policy} asks for {wish.Device}, and it goes from the host with that";
        return null;
    }

    private static bool IsVf(Situation situation, PciAddress address) =>
        situation.Inventory.Functions.GetValueOrDefault(address) is { IsVirtualFunction: true };

    /// <summary>A virtual function of a managed physical function that no pool has for VMs.</summary>
    private static string? LeavesToTheHost(Situation situation, DesiredPolicy policy, DeviceId device)
    {
        if (
            policy is not DesiredPolicy.OfSriovPolicy { Spec: var spec }
            || device.AsPci is not { } address
            || situation.Inventory.Functions.GetValueOrDefault(address) is not { VfIndex: { } index } vf
            || situation.PhysicalOf(vf) is not { } pf
            || !new Choosing(situation).Means(policy.Identity.Uid, SriovPlanner.Terms(spec), pf)
        )
            return null;
        var pool = spec.Pools.FirstOrDefault(p => p.Vfs.Any(r => r.Contains(index)));
        return pool switch
        {
            null => $"{policy.Identity} has number {index} in no pool: it is the host's; a pool with a resourceName would offer it",
            { ResourceName: null } => $"{policy.Identity} has it in pool {pool.Name}, which is for the host",
            _ => null,
        };
    }

    /// <summary>A card, or a parent on it, that a profile means.</summary>
    private static string? AsksForTypes(Situation situation, DesiredPolicy policy, DeviceId device) =>
        policy is DesiredPolicy.OfMdevProfile { Spec: var spec }
        && device.AsPci is { } address
        && MdevCard
            .MeantBy(situation, spec)
            .FirstOrDefault(c => c.Name == address.ToString() || (!c.IsVendorVfio && c.Parents.Any(p => p.PciAddress == address)))
            is { } card
            ? $"{policy.Identity} asks for {(card.IsVendorVfio ? "types of vGPU on its virtual functions" : "mediated devices on it")}"
            : null;

    /// <summary>A policy whose selectors match it, and that does not ask for it all the same.</summary>
    private static string? WouldAsk(Situation situation, DesiredPolicy policy, DeviceId device) =>
        policy is DesiredPolicy.Frozen
            ? $"{policy.Identity} was not understood, so that nobody knows whether it asks for it: see what plan says of it"
        : policy is DesiredPolicy.OfHostDevice { Spec.Devices: var devices }
        && device.AsPci is { } address
        && situation.Inventory.Functions.GetValueOrDefault(address) is { } function
        && (function.IsVirtualFunction || function.IsBridge)
        && devices.AllPci.Any(p =>
            !p.VirtualFunctions && new Choosing(situation).Means(policy.Identity.Uid, p.Selectors.Select(SelectorTerms.Of), function)
        )
            ? function.IsBridge
                    ? $"{policy.Identity} does not ask for it though its selectors match it: a PCI bridge is given to nobody; "
                        + "name what is behind it"
                : $"{policy.Identity} would ask for it if it said {(devices.Pci is null ? "pci" : "devices.pci")}.virtualFunctions: true: "
                    + "its selectors match it, and it is a virtual function"
        : null;
}
