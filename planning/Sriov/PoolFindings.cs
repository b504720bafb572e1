using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>What pools name and the machine does not have: a policy is fulfilled when all that it names is there.</summary>
internal static class PoolFindings
{
    /// <summary>Says that a virtual function which a pool leaves to the host's own driver has none; null when it has one.</summary>
    public static Finding? WithoutDriver(Situation situation, PolicyIdentity policy, VfPool pool, PciFunction pf, PciFunction vf)
    {
        var owned = situation.Input.Ownership;
        var underWay =
            owned.Functions.ContainsKey(vf.Address) || owned.PhysicalFunctions.GetValueOrDefault(pf.Address) is { SetupOpen: true };
        if (vf.Driver is not null || underWay)
            return null;
        var remedy = pf.Sriov!.Autoprobe
            ? $"load the driver for {vf.Vendor}:{vf.Device}, or look at dmesg for why it does not take it; then write"
            : $"sriov_drivers_autoprobe of {pf.Address} is 0, which keeps drivers from it: write 1 to it, and";
        var message =
            $"{vf.Address} is in pool {pool.Name}, whose driver is the host's own (Native), and has no driver: "
            + $"{remedy} {vf.Address} to /sys/bus/pci/drivers_probe";
        return new Finding(policy, vf.Address.ToString(), FindingState.Blocked, Reasons.DriverMissing, message);
    }

    /// <summary>
    /// Which of the virtual functions that pools name are not there; null where all are, or something else is said of their number.
    /// </summary>
    /// <param name="number">What becomes of their number.</param>
    public static MissingVfs? Missing(Situation situation, DesiredPolicy.OfSriovPolicy policy, PciFunction pf, VfNumber number)
    {
        var sriov = pf.Sriov!;
        var there = sriov.VirtualFunctions.Where(v => situation.Inventory.Functions.ContainsKey(v.Value)).Select(v => v.Key).ToHashSet();
        var named = policy
            .Spec.Pools.Select(p => (Pool: p, Missing: Indexes(p, number.ToBe).Where(i => !there.Contains(i)).ToList()))
            .ToList();
        var lacking = named.Where(n => n.Missing.Count > 0).ToList();
        if (lacking.Count == 0 || number.Ruling.Refuses || (number.ToBe is { } toBe && toBe != sriov.NumVfs))
            return null;
        var unoffered = lacking.Where(n => n.Pool.ResourceName is not null).Sum(n => n.Missing.Count);
        var absent = lacking.SelectMany(n => n.Missing).Order().ToList();
        var gaps = absent[0] < there.Count ? $", of which {Ranges(absent)} {(absent.Count == 1 ? "is" : "are")} not there" : "";
        var pools = string.Join(", and ", lacking.Select(n => $"pool {n.Pool.Name} names {string.Join(", ", n.Pool.Vfs)}"));
        var count = string.Create(CultureInfo.InvariantCulture, $"{there.Count} VF{(there.Count == 1 ? "" : "s")}");
        var message = $"{pf.Address} has {count}, and {pools}{gaps}: make them, or lower last";
        return new MissingVfs(unoffered, new Finding(policy.Identity, pf.Address.ToString(), FindingState.Waiting, Reasons.NoVfs, message));
    }

    /// <summary>What a pool names, as far as there are to be virtual functions.</summary>
    private static IEnumerable<int> Indexes(VfPool pool, int? toBe) =>
        pool.Vfs.SelectMany(r => Enumerable.Range(r.First, r.Last - r.First + 1)).Where(i => toBe is null || i < toBe);

    private static string Ranges(List<int> indexes)
    {
        var ranges = ImmutableArray.CreateBuilder<VfRange>();
        foreach (var index in indexes)
        {
            if (ranges.Count > 0 && ranges[^1].Last == index - 1)
                ranges[^1] = ranges[^1] with { Last = index };
            else
                ranges.Add(new VfRange(index, index));
        }

        return string.Join(", ", ranges);
    }
}
