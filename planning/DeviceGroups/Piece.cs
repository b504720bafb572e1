using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Places;

namespace Hostdev.Planning.DeviceGroups;

/// <summary>One IOMMU group that a device group may be made with: it is in one of them whole, or in none.</summary>
/// <param name="wish">What is wished of it, as if it were a device by itself.</param>
/// <param name="devices">What it has of the members of the device group, in their order: the lowest function of each slot.</param>
/// <param name="counts">How many it has for each member.</param>
internal sealed class Piece(Wish wish, ImmutableArray<(int Member, PciAddress Function)> devices, ImmutableArray<int> counts, Place place)
{
    public Wish Wish => wish;

    public ImmutableArray<(int Member, PciAddress Function)> Devices => devices;

    public ImmutableArray<int> Counts => counts;

    public Place Place => place;

    /// <summary>The unit that it would be by itself; null where it cannot be had now.</summary>
    public Unit? Unit => wish.Granted.Units.SingleOrDefault();

    public DeviceId Device => wish.Device;

    /// <summary>
    /// It is the policy's already: taken for it, or, after a boot, before that. What is in force stays so, as far as it is enough.
    /// </summary>
    public bool IsInForce { get; init; }

    /// <summary>Nothing is in the way of bringing it about when a pod gets it.</summary>
    public bool IsClear => Unit?.OnAllocate?.Obstacle is not { } obstacle || obstacle.Reason == Reasons.Changing;

    /// <summary>The first member that it is of.</summary>
    public int First => devices[0].Member;

    /// <summary>The same for all pieces that can stand in each other's place.</summary>
    public string Kind => field ??= string.Join(',', counts);
}
