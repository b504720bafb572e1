using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Attributes;

/// <summary>Which files of a physical function and of its virtual functions a policy wants set, in the order of its list.</summary>
internal static class WantedAttributes
{
    public static IEnumerable<AttributeTarget> Of(Situation situation, DesiredPolicy.OfSriovPolicy policy, PciFunction pf, VfNumber number)
    {
        foreach (var attribute in policy.Spec.Attributes ?? [])
        {
            // What a version that knows more has written, and this one keeps in force, is left alone.
            if (WritableFiles.Find(attribute.File) is not { } kind)
                continue;
            foreach (var (file, isThere) in FilesOf(situation, attribute, kind, pf))
            {
                var isTimely = attribute.When == AttributeTime.BeforeVfs || (isThere && !Changes(pf, number));
                yield return new AttributeTarget(file, attribute.Value, policy.Identity, pf.Address, kind, attribute.When, isTimely);
            }
        }
    }

    /// <summary>The virtual functions that are there are not those that are to be.</summary>
    private static bool Changes(PciFunction pf, VfNumber number) => number.ToBe is { } toBe && toBe != pf.Sriov!.NumVfs;

    /// <summary>Each file, with whether the functions that it is for are there.</summary>
    private static IEnumerable<(AttributeFile File, bool IsThere)> FilesOf(
        Situation situation,
        SriovAttribute attribute,
        WritableFile kind,
        PciFunction pf
    )
    {
        if (attribute.Vfs is not { } ranges)
            return [(new AttributeFile(pf.Address, attribute.File), true)];
        var vfs = pf.Sriov!.VirtualFunctions;
        return kind.IsNumbered
            ? ranges
                .SelectMany(r => Enumerable.Range(r.First, r.Last - r.First + 1))
                .Where(i => i < pf.Sriov.TotalVfs)
                .Select(i => (new AttributeFile(pf.Address, kind.PathOf(i)), vfs.ContainsKey(i)))
            : vfs.Where(v => ranges.Any(r => r.Contains(v.Key)) && situation.Inventory.Functions.ContainsKey(v.Value))
                .Select(v => (new AttributeFile(v.Value, attribute.File), true));
    }
}
