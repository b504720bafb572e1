using System.Collections.Immutable;
using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Control;

/// <summary>
/// The objects of a kind as they were last heard of. Whoever reads takes one picture that does not change under them. Written by its
/// <see cref="Informer{T}"/> alone.
/// </summary>
public sealed class Store<T>
    where T : class, IKubeObject
{
    private ImmutableDictionary<ObjectKey, T> _objects = ImmutableDictionary<ObjectKey, T>.Empty;

    public ImmutableDictionary<ObjectKey, T> Objects => Volatile.Read(ref _objects);

    public T? Find(ObjectKey key) => Objects.GetValueOrDefault(key);

    internal void Swap(ImmutableDictionary<ObjectKey, T> objects) => Volatile.Write(ref _objects, objects);
}
