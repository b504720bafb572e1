using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Attributes;

/// <summary>
/// What of a physical function and of its virtual functions a policy wants set: files in the order of its list, then what the interface
/// has for virtual functions.
/// </summary>
internal static class WantedAttributes
{
    public static IEnumerable<AttributeTarget> Of(Situation situation, DesiredPolicy.OfSriovPolicy policy, PciFunction pf, VfNumber number)
    {
        foreach (var attribute in policy.Spec.Attributes ?? [])
        {
            // What a version that knows more has written, and this one keeps in force, is left alone.
            if (WritableFiles.Find(attribute.File) is not { } kind)
                continue;
            foreach (var (file, vf, isThere) in FilesOf(situation, attribute, kind, pf))
            {
                var isTimely = attribute.When == AttributeTime.BeforeVfs || (isThere && !Changes(pf, number));
                yield return new AttributeTarget(file, attribute.Value, policy.Identity, file.Device, pf.Address, attribute.When, isTimely)
                {
                    NeedsUnbound = kind.NeedsUnbound,
                    Vf = vf,
                };
            }
        }

        foreach (var target in OfNetwork(situation, policy, pf, number))
            yield return target;
    }

    /// <summary>What the interface is to have for the virtual functions that are there.</summary>
    private static IEnumerable<AttributeTarget> OfNetwork(
        Situation situation,
        DesiredPolicy.OfSriovPolicy policy,
        PciFunction pf,
        VfNumber number
    ) =>
        from pool in policy.Spec.Pools
        where pool.Network is not null
        from there in pf.Sriov!.VirtualFunctions
        where pool.Vfs.Any(r => r.Contains(there.Key)) && situation.Inventory.Functions.ContainsKey(there.Value)
        from setting in VfNetworkSettings.Of(pool, situation.Input.Node, pf.Address, there.Key)
        select new AttributeTarget(
            AttributeFile.OfVf(pf.Address, there.Key, setting.Setting),
            setting.Value,
            policy.Identity,
            there.Value,
            pf.Address,
            AttributeTime.AfterVfs,
            IsTimely: !Changes(pf, number)
        )
        {
            Vf = there.Key,
        };

    /// <summary>The virtual functions that are there are not those that are to be.</summary>
    private static bool Changes(PciFunction pf, VfNumber number) => number.ToBe is { } toBe && toBe != pf.Sriov!.NumVfs;

    /// <summary>Each file, with the one virtual function that it is for, and whether the functions that it is for are there.</summary>
    private static IEnumerable<(AttributeFile File, int? Vf, bool IsThere)> FilesOf(
        Situation situation,
        SriovAttribute attribute,
        WritableFile kind,
        PciFunction pf
    )
    {
        if (attribute.Vfs is not { } ranges)
            return [(new AttributeFile(pf.Address, attribute.File), null, true)];
        var vfs = pf.Sriov!.VirtualFunctions;
        return kind.IsNumbered
            ? ranges
                .SelectMany(r => Enumerable.Range(r.First, r.Last - r.First + 1))
                .Where(i => i < pf.Sriov.TotalVfs)
                .Select(i => (new AttributeFile(pf.Address, kind.PathOf(i)), (int?)i, vfs.ContainsKey(i)))
            : vfs.Where(v => ranges.Any(r => r.Contains(v.Key)) && situation.Inventory.Functions.ContainsKey(v.Value))
                .Select(v => (new AttributeFile(v.Value, attribute.File), (int?)v.Key, true));
    }
}
