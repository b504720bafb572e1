using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// The functions of one group by what becomes of them when a policy asks for some of them; bridges and bystanders are in no list. All
/// ordered by address.
/// </summary>
internal sealed record GroupShape
{
    /// <summary>The functions that the policy names.</summary>
    public required ImmutableArray<PciFunction> Selected { get; init; }

    /// <summary>The others that must leave the host as well, given to the VM or held.</summary>
    public required ImmutableArray<PciFunction> Others { get; init; }

    /// <summary>
    /// What goes with a selected function that carries it, in this group or in another: it is neither declared nor bound.
    /// </summary>
    public required ImmutableArray<PciFunction> Carried { get; init; }

    /// <summary>Everything that leaves the host's drivers.</summary>
    public IEnumerable<PciFunction> Taken => Selected.Concat(Others).OrderBy(f => f.Address);

    /// <summary>The lowest address among what leaves the host: the name of the unit, whatever is assigned.</summary>
    public PciAddress UnitId => Taken.First().Address;

    /// <param name="members">All functions of the group.</param>
    public static GroupShape Of(Situation situation, UnitRequest request, IEnumerable<PciFunction> members)
    {
        ImmutableArray<PciFunction> carried =
        [
            .. request
                .Selected.SelectMany(f => situation.CarriedBy(f.Address))
                .Where(f => !request.Selected.Contains(f))
                .Distinct()
                .OrderBy(f => f.Address),
        ];
        return new GroupShape
        {
            Selected = request.Selected,
            Others =
            [
                .. members.Where(m => !m.IsBridge && !IsBystander(situation, m) && !request.Selected.Contains(m) && !carried.Contains(m)),
            ],
            Carried = carried,
        };
    }

    /// <summary>
    /// Without those that became the machine's own since it came into force, by a driver that was loaded: what is in force stays, and is
    /// not offered while VFIO refuses the group.
    /// </summary>
    public GroupShape WithoutMachine(Situation situation) =>
        this with
        {
            Others =
            [
                .. Others.Where(f =>
                    situation.Inventory.Facts.PassthroughDrivers.Contains(f.Driver ?? "")
                    || situation.Input.Ownership.Functions.ContainsKey(f.Address)
                    || SystemFunctions.WhatItIs(f, situation.HostDriver(f)) is null
                ),
            ],
        };

    /// <summary>What is without a driver because we are taking it is none.</summary>
    private static bool IsBystander(Situation situation, PciFunction function) =>
        SystemFunctions.IsBystander(function) && !situation.Input.Ownership.Functions.ContainsKey(function.Address);

    /// <summary>
    /// Why a rule that became stricter leaves what the policy names as it is: it was in force already, by a record of ours, or, where
    /// another tool bound it, because a VM has it. Null when it is newly taken.
    /// </summary>
    public string? WhyItStays(Situation situation)
    {
        var passthrough = situation.Inventory.Facts.PassthroughDrivers;
        if (!Selected.All(f => f.Driver is { } driver && driver != "pci-stub" && passthrough.Contains(driver)))
            return null;
        var foreign = Selected.Where(f => !situation.Input.Ownership.Functions.ContainsKey(f.Address)).ToList();
        if (foreign.Count == 0)
            return "It was in force before this was looked for, and stays so";
        var isHeld = foreign.All(f => situation.Input.Usage.UsersOf(f.Address).Any(u => u.Kind is UserKind.Pod or UserKind.VfioHolder));
        return isHeld ? "A VM has it, and it stays as it is for as long" : null;
    }

    /// <summary>
    /// Divides the others into assigned and held ones, by what the policy declares; what it says nothing of is in neither.
    /// </summary>
    public (ImmutableArray<PciFunction> Assigned, ImmutableArray<PciFunction> Held) Divide(UnitRequest request)
    {
        if (request.GroupPolicy == GroupPolicy.AssignSiblings)
            return (Others, []);
        if (request.GroupPolicy == GroupPolicy.HoldSiblings)
            return ([], Others);
        var declared = Others.ToLookup(o => request.EntryOf(o) is { } entry ? entry.Assigned ?? true : (bool?)null);
        return ([.. declared[true]], [.. declared[false]]);
    }
}
