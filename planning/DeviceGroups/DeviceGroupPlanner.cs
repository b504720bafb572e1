using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Places;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.DeviceGroups;

/// <summary>
/// PCI devices that are had together: what each member's selectors mean, as pieces, of which groups are made once it is known who has
/// what (<see cref="GroupWishes"/>).
/// </summary>
internal static class DeviceGroupPlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfHostDevice policy, DeviceGroup group)
    {
        var selections = group.Members.Select(m => HostDevicePlanner.Select(situation, policy, m.Pci)).ToList();
        // A function that several members select counts for the first of them.
        var member = new Dictionary<PciFunction, int>();
        for (var i = 0; i < selections.Count; i++)
        {
            foreach (var function in selections[i].Groups.SelectMany(g => g.Functions))
                member.TryAdd(function, i);
        }

        var pieces = member
            .GroupBy(m => HostDevicePlanner.GroupOf(m.Key))
            .Select(g => PieceOf(situation, policy, group, [.. g.OrderBy(m => m.Value).ThenBy(m => m.Key.Address)]))
            .OrderBy(p => p.Device)
            .ToList();
        var together = new GroupWishes(policy.Identity, group, [.. pieces.Where(p => !p.Wish.IsPassedOver)], situation.Input.GivenDevices);
        return new PolicyWishes
        {
            Together = together,
            Hint = together.Hint,
            Chosen = Together(policy.Identity, selections),
            Findings = [.. selections.SelectMany(s => s.Findings).Distinct()],
            Wishes = [.. pieces.Where(p => p.Wish.IsPassedOver).Select(p => p.Wish.PassedOver())],
        };
    }

    /// <param name="functions">Of one IOMMU group, by member and address; each with the number of its member.</param>
    private static Piece PieceOf(
        Situation situation,
        DesiredPolicy.OfHostDevice policy,
        DeviceGroup group,
        ImmutableArray<KeyValuePair<PciFunction, int>> functions
    )
    {
        ImmutableArray<PciDevices> of = [.. functions.Select(f => f.Value).Distinct().Select(m => group.Members[m].Pci)];
        // What is the IOMMU group's as a whole; each member has its own driver, and its own words about the rest of the IOMMU group.
        var pci = of[0] with
        {
            Members = [.. of.SelectMany(p => p.Members)],
            Selectors = [.. of.SelectMany(p => p.Selectors)],
            IommuBackend = of.Max(p => p.IommuBackend),
            Reset = of.Max(p => p.Reset),
        };
        var parts = functions
            .GroupBy(f => f.Value)
            .Select(m => HostDevicePlanner.PartOf(group.Members[m.Key].Pci, [.. m.Select(f => f.Key).OrderBy(f => f.Address)]));
        var wish = HostDevicePlanner.WishFor(situation, policy, pci, [.. parts]);
        ImmutableArray<(int Member, PciAddress Function)> devices =
        [
            .. functions
                .GroupBy(f => (f.Value, Slot: f.Key.Address with { Function = 0 }))
                .Select(slot => (slot.Key.Value, slot.Min(f => f.Key.Address))),
        ];
        return new Piece(wish, devices, [.. group.Members.Select((_, m) => devices.Count(d => d.Member == m))], Place.Of(functions[0].Key))
        {
            IsInForce = wish.Granted.Units.SingleOrDefault() is { } unit && IsInForce(situation, unit),
        };
    }

    private static bool IsInForce(Situation situation, Unit unit)
    {
        if (situation.Input.RestoreOnly is { } before)
            return unit.Claims.All(before.Contains);
        var owned = situation.Input.Ownership.Functions;
        return unit.Functions()
            .All(m =>
                owned.GetValueOrDefault(m.Address)?.PolicyUid == unit.Policy.Uid
                && situation.Inventory.Functions[m.Address].Driver == m.Driver
            );
    }

    private static Chosen Together(PolicyIdentity policy, List<Selection> selections) =>
        new(
            policy,
            [.. selections.SelectMany(s => s.Chosen.Functions).Distinct()],
            [.. selections.SelectMany(s => s.Chosen.ByName).Distinct()],
            [.. selections.SelectMany(s => s.Chosen.Findings).Distinct()]
        );
}
