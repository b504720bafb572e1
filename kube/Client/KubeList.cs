using System.Collections.Immutable;
using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Client;

/// <summary>All objects that were asked for, as they were at one moment.</summary>
/// <param name="ResourceVersion">That moment: a watch from here on misses nothing.</param>
/// <param name="Unreadable">Objects that the record has no room for. They exist: that they cannot be read does not mean that they are
/// gone.</param>
public sealed record KubeList<T>(ImmutableArray<T> Items, string ResourceVersion, ImmutableArray<UnreadableObject> Unreadable)
    where T : class, IKubeObject;

/// <param name="Error">What does not fit, with its path in the object.</param>
public sealed record UnreadableObject(ObjectKey Key, string Error);
