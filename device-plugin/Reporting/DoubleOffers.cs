using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>Units that another device plugin offers beside us: neither knows what the other has given out.</summary>
internal static class DoubleOffers
{
    public static Plan Tell(Plan plan, HostInventory inventory, ImmutableArray<OtherOffer> offers)
    {
        if (offers.IsDefaultOrEmpty)
            return plan;
        var findings =
            from unit in plan.Units
            from offer in offers
            let finding = offer.IsNamedAsKubeVirts ? OfKubeVirt(unit, offer, inventory) ?? OfHarvester(unit, offer) : OfAnother(unit, offer)
            where finding is not null
            select finding;
        return plan with { Findings = [.. plan.Findings, .. findings] };
    }

    /// <summary>KubeVirt's own plugin calls a PCI function and a mediated device by its group's number.</summary>
    private static Finding? OfKubeVirt(Unit unit, OtherOffer offer, HostInventory inventory)
    {
        if (inventory.GroupOf(unit.Device) is not { } group || !offer.Ids.Contains(group.Number.ToString(CultureInfo.InvariantCulture)))
            return null;
        return Finding(
            unit,
            Reasons.OfferedByKubeVirt,
            $"{unit.Id} is offered by KubeVirt's own device plugin too, as {offer.Resource} ({offer.Socket}), so that two VMs may be given "
                + "it: set externalResourceProvider: true on that entry of permittedHostDevices, or remove the entry"
        );
    }

    /// <summary>Harvester names its sockets as KubeVirt does, and devices by their addresses, as nobody does who is KubeVirt's.</summary>
    private static Finding? OfHarvester(Unit unit, OtherOffer offer) =>
        Named(unit, offer) is { IsEmpty: false } named
            ? Finding(
                unit,
                Reasons.OfferedByHarvester,
                $"{InWords(named, unit)} is offered by Harvester's device plugin too, as {offer.Resource} ({offer.Socket}), so that two "
                    + "VMs may be given it: delete its PCIDeviceClaim (switch off its VGPUDevice, where it is a vGPU), or remove it from "
                    + "this policy"
            )
            : null;

    /// <summary>
    /// A device that is the host's until a pod is given it is another plugin's to offer, and a pod that it gives such a device is in the
    /// way of ours.
    /// </summary>
    private static Finding? OfAnother(Unit unit, OtherOffer offer)
    {
        var named = Named(unit, offer);
        if (named.IsEmpty)
            return null;
        var who = SocketNames.Says(offer.Socket, offer.Resource) ? $" ({offer.Socket})" : "";
        return Finding(
            unit,
            Reasons.OfferedByAnother,
            $"{InWords(named, unit)} is offered by another device plugin too, as {offer.Resource}{who}, so that two pods may be given "
                + "it: remove it from that plugin's configuration, or from this policy"
        );
    }

    /// <summary>What of a unit is offered there by its address or UUID.</summary>
    private static ImmutableArray<string> Named(Unit unit, OtherOffer offer) =>
        offer.Resource == unit.Resource.Value ? [] : [.. unit.Claims.Select(c => c.ToString()).Where(c => offer.Ids.Contains(c))];

    private static string InWords(ImmutableArray<string> named, Unit unit) =>
        named is [var only] && only == unit.Id.ToString() ? only : $"{string.Join(", ", named)} of {unit.Id}";

    private static Finding Finding(Unit unit, Reason reason, string message) =>
        new(unit.Policy, unit.Id.ToString(), FindingState.Noticed, reason, message);
}
