using System.Collections.Immutable;
using Hostdev.DevicePlugin.Advertising;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// What a pod was refused and the kubelet is shown Unhealthy since, as an admin reads it: its unit is not ready, and why is a finding of
/// its policy.
/// It goes on by itself when a re-check is good, which needs somebody to let go as a rule.
/// </summary>
internal static class RefusedUnits
{
    public static (Plan Plan, Catalog Catalog) Tell(Plan plan, Catalog catalog, ImmutableArray<ResourceState> kubelet)
    {
        var refused =
            from state in kubelet
            from device in state.Refused
            let unit = catalog.Units.GetValueOrDefault(device.Id)
            where unit is not null && unit.Unit.Resource == state.Name
            orderby device.Id
            select (Device: device, Unit: unit);
        var found = refused.ToImmutableArray();
        if (found.IsEmpty) return (plan, catalog);
        var findings =
            from r in found
            select new Finding(r.Unit.Unit.Policy, r.Device.Id, FindingState.Waiting, r.Device.Reason, r.Device.Message);
        var units =
            from r in found
            where r.Unit.Problem is null
            select KeyValuePair.Create(r.Device.Id, r.Unit with { Problem = r.Device.Message });
        return (plan with { Findings = [.. plan.Findings, .. findings] }, catalog with { Units = catalog.Units.SetItems(units) });
    }
}
