using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>How one unit stands, as metrics count it.</summary>
/// <param name="Unready">Why it is not given out now; null when it is.</param>
/// <param name="IsToBeMade">It is not there, and is made for whoever is given it: there is room for it.</param>
internal readonly record struct UnitStanding(DeviceClass Class, Reason? Unready, bool IsToBeMade, bool IsAllocated)
{
    public static IReadOnlyList<UnitStanding> Of(Catalog catalog, AllocationLedger ledger, ImmutableArray<ResourceState> kubelet)
    {
        var unready = StatusBuilder.Unready(catalog, kubelet);
        return
        [
            .. catalog.Units.Select(u => new UnitStanding(
                u.Value.Unit.Id.Class,
                unready.GetValueOrDefault(u.Key)?.Reason,
                u.Value.Unit.OnAllocate is { Steps.IsEmpty: false },
                ledger.ById.ContainsKey(u.Key)
            )),
        ];
    }
}
