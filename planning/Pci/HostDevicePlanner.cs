using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Pci;

/// <summary>Whole PCI devices: each group that a HostDevice's selectors reach is one unit.</summary>
internal static class HostDevicePlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfHostDevice policy, PciDevices pci)
    {
        var selection = Select(situation, policy, pci);
        return new PolicyWishes
        {
            Matched = selection.Groups.Length,
            Hint = selection.Groups.Length == 0 ? Hint(situation, pci) : null,
            Chosen = selection.Chosen,
            Findings = selection.Findings,
            Wishes = [.. selection.Groups.Select(g => WishFor(situation, policy, pci, [PartOf(pci, g.Functions)]))],
        };
    }

    /// <summary>What the selectors mean, by the IOMMU groups that it is in.</summary>
    public static Selection Select(Situation situation, DesiredPolicy.OfHostDevice policy, PciDevices pci)
    {
        var candidates = situation
            .Inventory.Functions.Values.Where(f => !f.IsBridge && (pci.VirtualFunctions || !f.IsVirtualFunction))
            .Where(f => !SystemFunctions.IsBystander(f) || IsNamed(pci, f));
        var chosen = new Choosing(situation).Choose(policy.Identity, candidates, [.. pci.Selectors.Select(SelectorTerms.Of)]);
        var groups = chosen
            .Functions.GroupBy(GroupOf)
            .Select(g => g.OrderBy(f => f.Address).ToList())
            .Select(named => (Named: named, Bystanders: BystandersAmong(policy, named)))
            .ToList();
        return new Selection(
            chosen,
            [.. groups.Select(g => new SelectedGroup([.. g.Named.Except(g.Bystanders)]))],
            [.. chosen.Findings, .. groups.SelectMany(g => g.Bystanders).Select(f => LeftAlone(policy, f))]
        );
    }

    /// <summary>Functions without a group are each a unit of their own, so that each gets its own explanation.</summary>
    public static string GroupOf(PciFunction function) => function.IommuGroup is { } g ? $"group {g}" : function.Address.ToString();

    /// <param name="selected">By these selectors, of one group, ordered.</param>
    public static RequestPart PartOf(PciDevices pci, ImmutableArray<PciFunction> selected) =>
        new(WithoutMembers(pci, selected), pci.Driver, pci.Members);

    /// <param name="pci">What holds for the whole of the group.</param>
    /// <param name="parts">Of one group.</param>
    public static Wish WishFor(Situation situation, DesiredPolicy.OfHostDevice policy, PciDevices pci, ImmutableArray<RequestPart> parts)
    {
        var request = Request(policy, pci, parts);
        return WishFor(situation, request) with { PassesOver = PassesOver(situation, policy, pci, request.Primary) };
    }

    /// <summary>What becomes of each address that is named, for a policy that matches nothing.</summary>
    private static string? Hint(Situation situation, PciDevices pci)
    {
        var reasons = pci.Selectors.SelectMany(s => s.Addresses).Distinct().Order().Select(a => WhyNot(situation, pci, a)).OfType<string>();
        return reasons.Take(8).ToList() is { Count: > 0 } said ? $": {string.Join("; ", said)}" : null;
    }

    private static string? WhyNot(Situation situation, PciDevices pci, PciAddress address) =>
        !situation.Inventory.Functions.TryGetValue(address, out var function) ? $"{address} is not there"
        : function.IsBridge ? $"{address} is a bridge, which is given to nobody"
        : function.IsVirtualFunction && !pci.VirtualFunctions ? $"{address} is a virtual function: add virtualFunctions: true"
        : $"{address} is there, and has not all the other properties of its selector";

    private static bool PassesOver(Situation situation, DesiredPolicy.OfHostDevice policy, PciDevices pci, PciFunction function)
    {
        var blocking = pci.Selectors.Where(s => s.OnProtected is not OnProtected.PassOver).ToList();
        return blocking.Count < pci.Selectors.Length
            && !new Choosing(situation).Means(policy.Identity.Uid, [.. blocking.Select(SelectorTerms.Of)], function);
    }

    private static UnitRequest Request(DesiredPolicy.OfHostDevice policy, PciDevices pci, ImmutableArray<RequestPart> parts) =>
        new()
        {
            Policy = policy.Identity,
            Resource = policy.Spec.ResourceName,
            Selected = [.. parts.SelectMany(p => p.Selected).OrderBy(f => f.Address)],
            Parts = parts,
            GroupPolicy = pci.GroupPolicy,
            AllowProtected = policy.Spec.AllowProtected,
            AcceptRisks = policy.Spec.AcceptRisks ?? [],
            Addresses = [.. pci.Selectors.SelectMany(s => s.Addresses), .. pci.Members.Select(m => m.Address).OfType<PciAddress>()],
            DeviceFile = policy.Spec.DeviceFile,
            IommuBackend = pci.IommuBackend,
            Binding = policy.Spec.Binding,
            Reset = pci.Reset ?? ResetChoice.Auto,
            Disruption = policy.Spec.Disruption,
        };

    private static Wish WishFor(Situation situation, UnitRequest request)
    {
        var ruling = new Checks<UnitRequest>(r => MadeByPolicy(situation, r)).Judge(request);
        return ruling.Refuses
            ? new Wish
            {
                Policy = request.Policy,
                Device = request.Primary.Address,
                Ruling = ruling,
                Behind = () => UnitPlanner.WishFor(situation, request).InTheWay,
            }
            : UnitPlanner.WishFor(situation, request);
    }

    private static Objection? MadeByPolicy(Situation situation, UnitRequest request) =>
        MakerOf(situation, request.Primary) is { } maker
            ? Objection.Of(
                Reasons.ClaimedByOther,
                $"{request.Primary.Address} is a virtual function that {maker} has made, and would go if it were "
                    + "taken from it: give it a pool with a resourceName there, or narrow the selectors here"
            )
            : null;

    /// <summary>
    /// The policy for which Hostdev made this virtual function, whatever its precedence: were it to lose its physical function to this
    /// claim, the function would be removed, the claim with it, and the function made again without end.
    /// </summary>
    private static PolicyIdentity? MakerOf(Situation situation, PciFunction function) =>
        function.PhysicalFunction is { } address
        && situation.Input.Ownership.PhysicalFunctions.ContainsKey(address)
        && situation.Inventory.Functions.TryGetValue(address, out var physical)
            ? situation
                .Input.Policies.Select(p => p.InForce)
                .OfType<DesiredPolicy.OfSriovPolicy>()
                .FirstOrDefault(p => new Choosing(situation).Means(p.Identity.Uid, SriovPlanner.Terms(p.Spec), physical))
                ?.Identity
            : null;

    /// <summary>A bystander is meant by its address alone: a class or vendor means devices.</summary>
    private static bool IsNamed(PciDevices pci, PciFunction function) => pci.Selectors.Any(s => s.Addresses.Contains(function.Address));

    /// <summary>
    /// Those that stay out of a unit that is one without them, unless the policy overrides what the machine needs.
    /// </summary>
    private static List<PciFunction> BystandersAmong(DesiredPolicy.OfHostDevice policy, List<PciFunction> named)
    {
        var bystanders = named.Where(SystemFunctions.IsBystander).ToList();
        return bystanders.Count == named.Count || policy.Spec.AllowProtected.Contains(Protection.System) ? [] : bystanders;
    }

    private static Finding LeftAlone(DesiredPolicy.OfHostDevice policy, PciFunction bystander) =>
        new(
            policy.Identity,
            bystander.Address.ToString(),
            FindingState.Noticed,
            Reasons.Protected,
            $"{bystander.Address} is left as it is, because it is {SystemFunctions.WhatItIs(bystander, null)}: leave it out of "
                + "addresses, or list System in allowProtected"
        );

    /// <summary>
    /// A function that the selectors match and that <c>members</c> names as well is a member: two like functions, one assigned and one
    /// held, can be declared with one vendor and device. A function can only be a member of a lower one, so that two members never name
    /// each other away.
    /// </summary>
    private static ImmutableArray<PciFunction> WithoutMembers(PciDevices pci, ImmutableArray<PciFunction> matched) =>
        [matched[0], .. matched.Skip(1).Where(f => !pci.Members.Any(m => DeviceSelector.Names(m, f, matched[0])))];
}

/// <summary>What the selectors of PCI devices mean.</summary>
/// <param name="Findings">What is said of what they mean, and of what they do not.</param>
internal sealed record Selection(Chosen Chosen, ImmutableArray<SelectedGroup> Groups, ImmutableArray<Finding> Findings);

/// <param name="Functions">Those of one IOMMU group that are meant, ordered.</param>
internal sealed record SelectedGroup(ImmutableArray<PciFunction> Functions);
