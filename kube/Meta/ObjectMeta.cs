using System.Collections.Immutable;

namespace Hostdev.Kube.Meta;

/// <summary>
/// What every object has, as <c>metav1.ObjectMeta</c> has it; managed fields are left out, because nothing of ours reads them.
/// </summary>
public sealed record ObjectMeta
{
    /// <summary>Empty only in an object that is to be created with <see cref="GenerateName"/>.</summary>
    public string Name
    {
        get => field ?? "";
        init;
    }

    /// <summary>The API server appends five characters to it and has the <see cref="Name"/>.</summary>
    public string? GenerateName { get; init; }

    /// <summary>Null for what stands in no namespace.</summary>
    public string? Namespace { get; init; }

    /// <summary>Given by the API server; another one means another object, of whatever name.</summary>
    public string? Uid { get; init; }

    /// <summary>Opaque: equal or not, never more or less.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Counts changes of the spec. 0 where the kind does not count.</summary>
    public long Generation { get; init; }

    public DateTimeOffset? CreationTimestamp { get; init; }

    /// <summary>Set once the object is to go and waits for its finalizers.</summary>
    public DateTimeOffset? DeletionTimestamp { get; init; }

    public ImmutableSortedDictionary<string, string> Labels
    {
        get => field ?? ImmutableSortedDictionary<string, string>.Empty;
        init;
    }

    public ImmutableSortedDictionary<string, string> Annotations
    {
        get => field ?? ImmutableSortedDictionary<string, string>.Empty;
        init;
    }

    public ImmutableArray<OwnerReference> OwnerReferences
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<string> Finalizers
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

/// <summary>
/// An object that this one goes with (<c>metav1.OwnerReference</c>). The owner of an object without a namespace has none either.
/// </summary>
public sealed record OwnerReference
{
    public required string ApiVersion { get; init; }

    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    public bool? Controller { get; init; }

    public bool? BlockOwnerDeletion { get; init; }
}
