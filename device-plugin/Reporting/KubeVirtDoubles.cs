using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>Units that a device plugin of KubeVirt's own offers beside us: neither knows what the other has given out.</summary>
internal static class KubeVirtDoubles
{
    public static Plan Tell(Plan plan, HostInventory inventory, ImmutableArray<KubeVirtOffer> offers)
    {
        if (offers.IsDefaultOrEmpty)
            return plan;
        var findings =
            from unit in plan.Units
            let id = unit.Id.ToString()
            let number = GroupOf(unit, inventory)
            from offer in offers
            where (number is not null && offer.Ids.Contains(number)) || (offer.Resource != unit.Resource.Value && offer.Ids.Contains(id))
            select new Finding(unit.Policy, id, FindingState.Noticed, Reasons.OfferedByKubeVirt, Words(unit, offer));
        return plan with { Findings = [.. plan.Findings, .. findings] };
    }

    /// <summary>KubeVirt's own plugin calls a PCI device by its group's number.</summary>
    private static string? GroupOf(Unit unit, HostInventory inventory) =>
        unit.Device.AsPci is { } address
            ? inventory.Functions.GetValueOrDefault(address)?.IommuGroup?.ToString(CultureInfo.InvariantCulture)
            : null;

    private static string Words(Unit unit, KubeVirtOffer offer) =>
        $"{unit.Id} is offered by KubeVirt's own device plugin too, as {offer.Resource} ({offer.Socket}), so that two VMs may be given it: "
        + "set externalResourceProvider: true on that entry of permittedHostDevices, or remove the entry";
}
