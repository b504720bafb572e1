using System.Collections.Immutable;
using Hostdev.Kube.Meta;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>All that discovery, OpenAPI and tables need to know of a resource, built-in or from a CRD.</summary>
public sealed record ResourceDescription
{
    /// <summary>What every resource that is stored can do, in the order in which discovery lists it.</summary>
    public static ImmutableArray<string> StoredVerbs { get; } =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

    public required KubeResource Resource { get; init; }

    public required string ListKind { get; init; }

    public required string Singular { get; init; }

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
        get => field.IsDefault ? StoredVerbs : field;
        init;
    }

    /// <summary>Names of subresources and what they can do: <c>status</c> with get, patch, update.</summary>
    public ImmutableArray<SubresourceDescription> Subresources
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public StructuralSchema Schema { get; init; } = StructuralSchema.Anything;

    /// <summary>Empty for the columns that the kind has by nature, or Name and Age.</summary>
    public ImmutableArray<PrinterColumn> Columns
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public bool IsFromCrd { get; init; }
}

/// <summary>A path below an object.</summary>
/// <param name="Kind">What is sent and received there; null for the object's own kind.</param>
/// <param name="ApiVersion">The group and version of <paramref name="Kind"/>; null for the object's own.</param>
public sealed record SubresourceDescription(string Name, ImmutableArray<string> Verbs, string? Kind = null, string? ApiVersion = null)
{
    public static SubresourceDescription Status { get; } = new("status", ["get", "patch", "update"]);

    public static SubresourceDescription Log { get; } = new("log", ["get"]);
}
