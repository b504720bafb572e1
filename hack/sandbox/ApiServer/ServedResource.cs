using System.Collections.Immutable;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.ApiServer;

/// <summary>One resource in one version, as the server offers it.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">The name in paths: <c>hostdevices</c>.</param>
public sealed record ServedResource(string Group, string Version, string Kind, string Plural, bool Namespaced)
{
    public string Singular
    {
        get => field ?? Kind.ToLowerInvariant();
        init;
    }

    public string ListKind
    {
        get => field ?? Kind + "List";
        init;
    }

    public ImmutableArray<string> ShortNames
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<string> Categories
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<string> Verbs
    {
        get => field.IsDefault ? ResourceDescription.StoredVerbs : field;
        init;
    }

    /// <summary>Spec and status are written through different paths, each leaving the other half alone.</summary>
    public bool HasStatus { get; init; }

    /// <summary>
    /// A delete that takes effect at once is answered with the object, and not with a Status (registry stores with
    /// <c>ReturnDeletedObject</c>).
    /// </summary>
    public bool ReturnsDeleted { get; init; }

    /// <summary>The path <c>/log</c> below an object: what its containers have written.</summary>
    public bool HasLog { get; init; }

    /// <summary><c>metadata.generation</c> counts the changes of everything but metadata and status.</summary>
    public bool CountsGenerations { get; init; }

    /// <summary>Shared by the versions of a kind, and by the two groups that events have.</summary>
    public StorageKey Storage
    {
        get => field ?? new StorageKey(Group, Plural);
        init;
    }

    /// <summary>
    /// Null for built-in kinds: what this version's objects look like, from the definition that an administrator applied.
    /// </summary>
    public StructuralSchema? Structure { get; init; }

    /// <summary>The revision at which the definition became what it is; 0 for built-in kinds.</summary>
    public long DefinedAt { get; init; }

    public ImmutableArray<PrinterColumn> Columns
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public bool IsCustom => Structure is not null;

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>hostdevices.hostdev.io</c>; for the core group the plural alone.</summary>
    public string GroupResource => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>What discovery, OpenAPI and tables say of it.</summary>
    internal ResourceDescription Description =>
        field ??= new ResourceDescription
        {
            Resource = new KubeResource(Group, Version, Kind, Plural, Namespaced),
            ListKind = ListKind,
            Singular = Singular,
            ShortNames = ShortNames,
            Categories = Categories,
            Verbs = Verbs,
            Subresources = (HasStatus, HasLog) switch
            {
                (true, true) => [SubresourceDescription.Status, SubresourceDescription.Log],
                (true, false) => [SubresourceDescription.Status],
                _ => [],
            },
            Schema = Structure ?? StructuralSchema.Anything,
            Columns = Columns,
            IsFromCrd = IsCustom,
        };

    internal static ServedResource Of(ResourceDescription description) =>
        new(
            description.Resource.Group,
            description.Resource.Version,
            description.Resource.Kind,
            description.Resource.Plural,
            description.Resource.Namespaced
        )
        {
            Singular = description.Singular,
            ListKind = description.ListKind,
            ShortNames = description.ShortNames,
            Categories = description.Categories,
            HasStatus = description.Subresources.Any(s => s.Name == "status"),
            CountsGenerations = true,
            Structure = description.Schema,
            Columns = description.Columns,
        };

    public override string ToString() => GroupResource;
}

/// <summary>Under which name objects are kept, whatever the version they are asked for in.</summary>
public sealed record StorageKey(string Group, string Plural);
