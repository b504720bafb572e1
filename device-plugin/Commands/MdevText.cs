using System.Globalization;
using Hostdev.Crds;
using Hostdev.Kube.Meta;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>Mediated devices and what can be made, in lines.</summary>
internal static class MdevText
{
    /// <summary>What it is, or would be.</summary>
    /// <param name="unit">What it is offered as; null when it is not.</param>
    /// <returns>Null where it is neither there nor to be made.</returns>
    public static IEnumerable<string>? Describe(MdevUuid uuid, HostInventory inventory, Unit? unit) =>
        inventory.Mdev(uuid) is { } there
            ?
            [
                $"{uuid} mediated device of type {TypeInWords(there.TypeId, there.Parent, inventory)} on {there.Parent}",
                $"made by: {there.MadeBy}",
                $"IOMMU group: {there.IommuGroup?.ToString(CultureInfo.InvariantCulture) ?? "none"}",
            ]
        : unit?.Handout is Handout.MediatedDevice wanted ? [$"{uuid} mediated device of type {wanted.TypeId}, which is not there now"]
        : null;

    /// <summary>What can be made of a device, and what is; nothing of one that makes none.</summary>
    public static IEnumerable<string> MadeOn(DeviceId device, HostInventory inventory)
    {
        foreach (var parent in inventory.MdevParentsOn(device))
        {
            foreach (var type in parent.Types)
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"mediated devices of type {TypeInWords(type.Id, parent.Name, inventory)}: {type.AvailableInstances} more fit"
                );
            foreach (var mdev in inventory.Mdevs.Where(m => m.Parent == parent.Name))
                yield return $"mediated device {mdev.Uuid} of type {mdev.TypeId}, made by {mdev.MadeBy}";
        }
    }

    private static string TypeInWords(string id, string parent, HostInventory inventory) =>
        inventory.MdevParents.FirstOrDefault(p => p.Name == parent)?.Types.FirstOrDefault(t => t.Id == id)?.Name is { } name
            ? PrintableText.Of($"{id} (\"{name}\")")
            : id;
}
