using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer.Storage;

internal enum StoreEventType
{
    Added,
    Modified,
    Deleted,

    /// <summary>Nothing happened up to a revision that was not said before.</summary>
    Bookmark,
}

/// <summary>One change.</summary>
/// <param name="Object">As it is after the change; for a deletion as it last was, at the revision of its end. Null for a bookmark.</param>
/// <param name="Previous">As it was before; null where it is new.</param>
internal sealed record StoreEvent(StoreEventType Type, long Revision, StoredObject? Object, StoredObject? Previous);

/// <summary>
/// All objects of one resource at one revision. Every revision's snapshot shares all but a few nodes with the one before.
/// </summary>
internal sealed record Snapshot(long Revision, ImmutableSortedDictionary<string, StoredObject> Objects)
{
    public static Snapshot Empty { get; } = new(0, ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal));
}
