using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Client;

/// <summary>One thing that a watch says.</summary>
public abstract record WatchEvent<T>
    where T : class, IKubeObject
{
    private WatchEvent() { }

    public sealed record Added(T Object) : WatchEvent<T>;

    public sealed record Modified(T Object) : WatchEvent<T>;

    /// <param name="Object">As it was last. Also sent when an object no longer matches the watch's selector.</param>
    public sealed record Deleted(T Object) : WatchEvent<T>;

    /// <summary>Nothing happened up to here: a later watch may begin from this resourceVersion.</summary>
    public sealed record Bookmark(string ResourceVersion) : WatchEvent<T>;

    /// <summary>An event about an object that the record has no room for. It exists, unless it was <paramref name="IsDeleted"/>.</summary>
    public sealed record Unreadable(UnreadableObject Object, bool IsDeleted, string ResourceVersion) : WatchEvent<T>;

    /// <summary>The server no longer knows what happened since the resourceVersion: list again. The last event of a watch.</summary>
    public sealed record Expired(string Message) : WatchEvent<T>;
}
