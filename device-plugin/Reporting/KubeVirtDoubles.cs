using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>Units that a device plugin of KubeVirt's own offers beside us: neither knows what the other has given out.</summary>
internal static class KubeVirtDoubles
{
    public static Plan Tell(Plan plan, HostInventory inventory, ImmutableArray<KubeVirtOffer> offers)
    {
        if (offers.IsDefaultOrEmpty) return plan;
        var findings =
            from unit in plan.Units
            let primary = inventory.Functions.GetValueOrDefault(unit.Primary)
            where primary?.IommuGroup is not null
            let number = primary.IommuGroup!.Value.ToString(CultureInfo.InvariantCulture)
            from offer in offers
            where offer.Ids.Contains(number) || (offer.Resource != unit.Resource.Value && offer.Ids.Contains(unit.Id))
            select new Finding(unit.Policy, unit.Id, FindingState.Noticed, Reasons.OfferedByKubeVirt, Words(unit, offer));
        return plan with { Findings = [.. plan.Findings, .. findings] };
    }

    private static string Words(Unit unit, KubeVirtOffer offer) =>
        $"{unit.Id} is offered by KubeVirt's own device plugin too, as {offer.Resource} ({offer.Socket}), so that two VMs may be given it: "
        + "set externalResourceProvider: true on that entry of permittedHostDevices, or remove the entry";
}
