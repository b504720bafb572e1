using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>How schemas are called in OpenAPI documents.</summary>
internal static class OpenApiNames
{
    public const string ObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    public const string ListMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
    public const string OwnerReference = "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference";
    public const string ManagedFieldsEntry = "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry";
    public const string Status = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

    /// <summary><c>io.hostdev.v1alpha1.HostDevice</c>: a CRD's group turned round; built-in kinds stand below <c>io.k8s.api</c>.</summary>
    /// <param name="kind">Null for the resource's own, else its list's.</param>
    public static string Of(KubeResource resource, string? kind = null) =>
        $"{Prefix(resource.Group)}.{resource.Version}.{kind ?? resource.Kind}";

    public static JsonArray GroupVersionKind(KubeResource resource, string? kind = null) => [One(resource, kind)];

    public static JsonObject One(KubeResource resource, string? kind = null) =>
        new()
        {
            ["group"] = resource.Group,
            ["version"] = resource.Version,
            ["kind"] = kind ?? resource.Kind,
        };

    private static string Prefix(string group) =>
        group switch
        {
            "" => "io.k8s.api.core",
            _ when !group.Contains('.') || group.EndsWith(".k8s.io", StringComparison.Ordinal) => $"io.k8s.api.{group.Split('.')[0]}",
            _ => string.Join('.', group.Split('.').Reverse()),
        };
}
