using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Why a group can be no unit, in order: what nobody can change from here before what an admin may change, and that before what a policy
/// must declare.
/// </summary>
internal static class GroupProblems
{
    /// <summary>
    /// So many members of a group a message names. A board without ACS may have hundreds in one group, and what to do about them stands
    /// behind the list.
    /// </summary>
    private const int MostListed = 8;

    /// <summary>The firmware keeps ranges of memory for the group's devices, which the kernel gives to no VM then.</summary>
    public static string? NotEligible(UnitRequest request, IommuGroup group)
    {
        if (group.DirectRegions.IsEmpty)
            return null;
        var regions = List(group.DirectRegions);
        return $"{request.Primary.Address} can be given to no VM: the firmware demands that {regions} stays mapped one to one for its "
            + $"IOMMU group {group.Number} (RMRR with Intel, IVMD with AMD), "
            + "and the kernel refuses such a group: switch off in the firmware what demands it (HP: the shared memory features, or RMRR, "
            + "of the slot; others: pre-boot DMA protection), or use another slot";
    }

    /// <summary>Nothing is taken from above what it carries, unless it is what the policy names, and that alone.</summary>
    public static string? Ancestor(Situation situation, UnitRequest request, GroupShape shape)
    {
        foreach (var carrier in shape.Taken)
        {
            var carried = situation.CarriedBy(carrier.Address);
            if (carried.IsEmpty)
                continue;
            var what = $"{carrier.Address} ({carrier.Driver ?? "no driver"})";
            var remedy = $"pass {carrier.Address} itself{(carrier.Driver == "vmd" ? ", or switch VMD off in the firmware" : "")}";
            if (shape.Selected.FirstOrDefault(carried.Contains) is { } child)
            {
                return shape.Selected.Contains(carrier)
                    ? $"{child.Address} lives behind {what} and goes when that is taken, and the selectors match both: let them match one "
                        + "of the two"
                    : $"{child.Address} lives behind {what}, which is in the same IOMMU group: it would have to be taken too, and "
                        + $"{child.Address} goes when it is; {remedy}"
                        + (
                            KubeVirtLimits.Reads(child.Address)
                                ? ""
                                : " (KubeVirt could not use it either: it reads PCI domains of four digits)"
                        );
            }

            if (shape.Selected.Contains(carrier))
                continue;
            return $"{request.Primary.Address} shares its IOMMU group with {what}, which carries "
                + $"{List(carried.Select(c => c.Address.ToString()))} and is not taken from above that: {remedy}, or use another slot for "
                + $"{request.Primary.Address}";
        }

        return null;
    }

    /// <summary>A bridge is on a driver that VFIO does not accept.</summary>
    public static string? Bridge(HostInventory inventory, IommuGroup group)
    {
        var bad = group
            .Members.Select(a => inventory.Functions[a])
            .FirstOrDefault(m => m.IsBridge && !GroupViability.Accepts(m, inventory.Facts));
        return bad is null
            ? null
            : $"the bridge {bad.Address} in group {group.Number} is on the driver {bad.Driver}, with which VFIO "
                + "refuses the group: unbind it, or load pcieport for it";
    }

    /// <summary>A member that is no PCI function, so that no policy can take it, is on a driver that VFIO does not accept.</summary>
    public static string? OtherMembers(UnitRequest request, HostInventory inventory, IommuGroup group)
    {
        var bad = group.OtherMembers.Where(m => !GroupViability.Accepts(m.Driver, inventory.Facts.OwnDmaDrivers)).ToList();
        if (bad.Count == 0)
            return null;
        var them = bad.Count == 1 ? "it" : "them";
        return $"{request.Primary.Address} shares its IOMMU group {group.Number} with "
            + $"{List(bad.Select(m => $"{m.Name} (driver {m.Driver})"))}, no PCI function, and VFIO refuses the group while the host "
            + $"uses {them}: "
            + $"unbind {them} if the host can do without, or use another slot";
    }

    /// <summary>
    /// Functions that would have to be taken are the machine's own, and the policy does not say that it may have them. What is on a
    /// passthrough driver is not the machine's any more.
    /// What the host needs others of them for is said with it: an admin is to know all at once.
    /// </summary>
    public static string? Machine(Situation situation, UnitRequest request, GroupShape shape)
    {
        var passthrough = situation.Inventory.Facts.PassthroughDrivers;
        var toTake = shape.Taken.Where(f => f.Driver is not { } driver || !passthrough.Contains(driver)).ToList();
        var needed = toTake
            .Where(f => !request.Overrides(f, Protection.System))
            .Select(f => (Function: f, What: SystemFunctions.WhatItIs(f, situation.HostDriver(f))))
            .Where(n => n.What is not null)
            .ToList();
        if (needed.Count == 0)
            return null;
        var uses = UsesInTheWay.Protecting(request, UsesInTheWay.Of(situation, toTake));
        var all = UsesInTheWay.InWords(uses).Concat(needed.Select(n => $"{n.Function.Address} is {n.What}")).ToList();
        var them = all.Count == 1 ? "it" : "them";
        var write = UsesInTheWay.Override(
            request,
            [.. uses.Select(u => (u.Taken, u.Protection!.Value)), .. needed.Select(n => (n.Function, Protection.System))]
        );
        return $"{List(all, "; ")}: the host needs {them}; {write} to take {them} all the same";
    }

    /// <summary>Members that the policy does not declare. Nobody loses a device unaware.</summary>
    public static string? Undeclared(UnitRequest request, GroupShape shape)
    {
        var (assigned, held) = shape.Divide(request);
        var undeclared = shape.Others.Except(assigned).Except(held).ToList();
        if (undeclared.Count == 0)
            return null;

        var primary = request.Primary;
        var list = List(undeclared.Select(Describe));
        if (primary.IsVirtualFunction)
        {
            return $"{primary.Address} shares its IOMMU group with {list}: virtual functions can be passed one by one only where the slot "
                + "isolates them (ACS); enable ACS in firmware or use another slot";
        }

        return $"{primary.Address} shares its IOMMU group with {list}, which the policy does not declare: add members: [{{address: "
            + $"\"{undeclared[0].Address}\", assigned: false}}] to take "
            + $"{(undeclared.Count == 1 ? "it" : "each of them")} from the host knowingly (assigned: true gives it to the VM), or set "
            + "groupPolicy to HoldSiblings or AssignSiblings";
    }

    /// <summary>The group has no member for a companion, which every other unit of the policy has.</summary>
    public static string? CompanionMissing(UnitRequest request, Unit unit)
    {
        var missing = request
            .Members.Select(m => m.Companion)
            .OfType<ResourceName>()
            .Except(unit.Companions.Select(c => c.Name))
            .Order()
            .Select(n => n.Value)
            .ToList();
        return missing.Count == 0
            ? null
            : $"{request.Primary.Address} has no member for {List(missing)}: a VM that asks for {request.Resource} together with it could "
                + $"be given {request.Primary.Address} and would not start; narrow the selectors to devices that have it, or give this one "
                + "a policy and a resourceName of its own";
    }

    public static string List(IEnumerable<string> all, string separator = ", ")
    {
        var items = all.ToList();
        return string.Join(separator, items.Take(MostListed)) + (items.Count > MostListed ? $" and {items.Count - MostListed} more" : "");
    }

    private static string Describe(PciFunction f) =>
        $"{f.Address} ({f.DeviceName ?? $"{f.Vendor}:{f.Device}"}, " + $"{(f.Driver is null ? "no driver" : $"driver {f.Driver}")})";
}
