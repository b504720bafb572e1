using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>A mediated device that is to be there, and for whom.</summary>
internal sealed record MdevTarget(MdevUuid Uuid, MdevParent Parent, string TypeId, string PolicyUid)
{
    /// <summary>What is written to it when it is made, in order.</summary>
    public ImmutableArray<FileValue> Attributes { get; init; } = [];

    public static MdevTarget Of(DesiredPolicy.OfMdevProfile policy, MdevSlot slot, MdevUuid uuid) =>
        new(uuid, slot.Parent, slot.TypeId, policy.Identity.Uid) { Attributes = policy.Spec.Instances.Attributes ?? [] };

    /// <summary>As one text, which the journal keeps.</summary>
    public string AttributesInOne => string.Join('\n', Attributes.Select(a => $"{a.File}={a.Value}"));

    /// <summary>Whether one that is there is what is wanted: all of this was written to it, and nothing else.</summary>
    public bool IsMade(Situation situation) =>
        situation.Inventory.Mdev(Uuid) is not null
        && (situation.Input.Ownership.Mdevs.GetValueOrDefault(Uuid)?.Attributes ?? "") == AttributesInOne;
}
