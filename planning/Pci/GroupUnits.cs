namespace Hostdev.Planning.Pci;

/// <summary>The PCI functions of units, for PCI's own rules.</summary>
internal static class GroupUnits
{
    /// <summary>What a unit of another class has none of.</summary>
    public static IEnumerable<UnitMember> Functions(this Unit unit) => unit.Handout is Handout.VfioGroup group ? group.Members : [];

    public static IEnumerable<(Unit Unit, Handout.VfioGroup Group)> Groups(this IEnumerable<Unit> units) =>
        units.Where(u => u.Handout is Handout.VfioGroup).Select(u => (u, (Handout.VfioGroup)u.Handout));
}
