using Hostdev.Crds;

namespace Hostdev.Planning.Mdev;

/// <summary>A mediated device that we made, or were about to.</summary>
/// <param name="Parent">Its name in <c>/sys/class/mdev_bus</c>.</param>
/// <param name="PolicyUid">The policy that it was made for; empty where only its UUID tells that it is ours.</param>
public sealed record OwnedMdev(MdevUuid Uuid, string Parent, string TypeId, string PolicyUid)
{
    /// <summary>What was written to it when it was made; null where nothing was, or not all of it.</summary>
    public string? Attributes { get; init; }
}
