using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>A CustomResourceDefinition of <c>apiextensions.k8s.io/v1</c> that a real API server would take.</summary>
public sealed record CustomResourceDefinition
{
    public required string Group { get; init; }

    public required string Kind { get; init; }

    public required string ListKind { get; init; }

    public required string Plural { get; init; }

    public required string Singular { get; init; }

    public ImmutableArray<string> ShortNames { get; init; } = [];

    public ImmutableArray<string> Categories { get; init; } = [];

    public required bool Namespaced { get; init; }

    public required ImmutableArray<CustomResourceVersion> Versions { get; init; }

    public CustomResourceVersion StorageVersion => Versions.First(v => v.Storage);

    /// <summary>One description for each served version, in the CRD's order.</summary>
    public IEnumerable<ResourceDescription> Resources =>
        Versions
            .Where(v => v.Served)
            .Select(version => new ResourceDescription
            {
                Resource = new KubeResource(Group, version.Name, Kind, Plural, Namespaced),
                ListKind = ListKind,
                Singular = Singular,
                ShortNames = ShortNames,
                Categories = Categories,
                Subresources = version.HasStatus ? [SubresourceDescription.Status] : [],
                Schema = version.Schema,
                Columns = version.Columns,
                IsFromCrd = true,
            });

    /// <summary>Reads a CRD, or says all that is wrong with it in the words of apiextensions' validation.</summary>
    /// <param name="crd">Without defaults: <c>singular</c> and <c>listKind</c> are derived from the kind when they are absent. Not
    /// changed.</param>
    public static bool TryParse(
        JsonObject crd,
        [NotNullWhen(true)] out CustomResourceDefinition? parsed,
        out ImmutableArray<FieldError> errors
    )
    {
        errors = CustomResourceCheck.Validate(crd);
        parsed = errors.IsEmpty ? CustomResourceReader.Read(crd) : null;
        return parsed is not null;
    }
}

/// <summary>One version of a custom resource.</summary>
public sealed record CustomResourceVersion
{
    public required string Name { get; init; }

    public required bool Served { get; init; }

    /// <summary>True for exactly one version of a CRD.</summary>
    public required bool Storage { get; init; }

    public required StructuralSchema Schema { get; init; }

    /// <summary>Whether <c>/status</c> is an address of its own, written apart from the rest.</summary>
    public bool HasStatus { get; init; }

    public ImmutableArray<PrinterColumn> Columns { get; init; } = [];

    /// <summary>
    /// Paths that a field selector may name beside <c>metadata.name</c> and <c>metadata.namespace</c>, without the leading dot:
    /// <c>spec.node</c>.
    /// </summary>
    public ImmutableArray<string> SelectableFields { get; init; } = [];
}
