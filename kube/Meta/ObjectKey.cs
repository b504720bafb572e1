namespace Hostdev.Kube.Meta;

/// <summary>
/// What tells an object from the others of its kind at one moment. A later object of the same key may be another one: compare
/// <see cref="ObjectMeta.Uid"/>.
/// </summary>
/// <param name="Namespace">Null for what stands in no namespace.</param>
public readonly record struct ObjectKey(string Name, string? Namespace = null) : IComparable<ObjectKey>
{
    public static ObjectKey Of(IKubeObject it) => new(it.Metadata.Name, it.Metadata.Namespace);

    /// <summary>By namespace, then by name, ordinal: the order of the API server's lists.</summary>
    public int CompareTo(ObjectKey other) =>
        string.CompareOrdinal(Namespace, other.Namespace) is var byNamespace and not 0
            ? byNamespace
            : string.CompareOrdinal(Name, other.Name);

    public static bool operator <(ObjectKey left, ObjectKey right) => left.CompareTo(right) < 0;

    public static bool operator >(ObjectKey left, ObjectKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(ObjectKey left, ObjectKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ObjectKey left, ObjectKey right) => left.CompareTo(right) >= 0;

    /// <summary><c>name</c>, or <c>namespace/name</c>.</summary>
    public override string ToString() => Namespace is null ? Name : $"{Namespace}/{Name}";
}
