using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One mediated device as it really is: from an inventory, or read just now.</summary>
/// <param name="TypeId">Null when it is not there.</param>
/// <param name="Group">The number of its own IOMMU group; null when it has none (yet).</param>
public sealed record MdevState(string? TypeId, int? Group)
{
    public static MdevState Of(MdevUuid uuid, HostInventory inventory) =>
        inventory.Mdev(uuid) is { } mdev ? new MdevState(mdev.TypeId, mdev.IommuGroup) : new MdevState(null, null);

    /// <summary>How a unit of it stands.</summary>
    public UnitState Stand(Handout.MediatedDevice handout)
    {
        var problem =
            TypeId is null ? $"the mediated device {handout.Uuid} is not there"
            : TypeId != handout.TypeId ? $"the mediated device {handout.Uuid} is of type {TypeId} instead of {handout.TypeId}"
            : Group is null ? $"the mediated device {handout.Uuid} has no IOMMU group"
            : null;
        return new UnitState(
            problem,
            Group is null ? [] : [$"/dev/vfio/{Group}"],
            TypeId is null
                ? ImmutableSortedDictionary<DeviceId, string?>.Empty
                : ImmutableSortedDictionary<DeviceId, string?>.Empty.Add(handout.Uuid, TypeId)
        )
        {
            Group = Group,
        };
    }
}
