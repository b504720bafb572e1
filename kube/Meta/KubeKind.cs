using System.Text.Json.Serialization.Metadata;

namespace Hostdev.Kube.Meta;

/// <summary>An object of the API. What it holds beside its metadata is the kind's own affair.</summary>
public interface IKubeObject
{
    ObjectMeta Metadata { get; }
}

/// <summary>Where the API server keeps a kind.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">The resource's name in paths, lower case: <c>hostdevices</c>.</param>
public sealed record KubeResource(string Group, string Version, string Kind, string Plural, bool Namespaced)
{
    /// <summary><c>v1</c> for the core group, else <c>group/version</c>: what stands in an object's <c>apiVersion</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>hostdevices.hostdev.io</c>: how RBAC, errors and people name it.</summary>
    public string FullName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The path below the API server's address, without a slash at its end.</summary>
    /// <param name="ns">Null for all namespaces, and for kinds that stand in none.</param>
    /// <param name="name">Null for the collection.</param>
    /// <param name="subresource">For example <c>status</c>.</param>
    public string Path(string? ns = null, string? name = null, string? subresource = null) =>
        (Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}")
        + (ns is null ? "" : $"/namespaces/{Uri.EscapeDataString(ns)}")
        + $"/{Plural}"
        + (name is null ? "" : $"/{Uri.EscapeDataString(name)}")
        + (subresource is null ? "" : $"/{subresource}");

    public override string ToString() => FullName;
}

/// <summary>
/// A kind as this program sees it: where it is kept, and the record that its objects are read into. Several records may read one resource,
/// for example a summary that has only the fields somebody needs: what a record has no property for is passed over.
/// </summary>
public sealed record KubeKind<T>(KubeResource Resource, JsonTypeInfo<T> Json)
    where T : class, IKubeObject;
