using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>The columns of built-in kinds after Name (kubernetes <c>pkg/printers/internalversion</c>). Empty for a kind that has no columns of its own here.</summary>
internal static class BuiltInColumns
{
    public static ImmutableArray<TableColumn> For(KubeResource resource) => resource.FullName switch
    {
        "namespaces" => [Text("Status", item => At(item, "status.phase")), s_age],
        "leases.coordination.k8s.io" => [Text("Holder", item => At(item, "spec.holderIdentity")), s_age],
        "customresourcedefinitions.apiextensions.k8s.io" => [new(new PrinterColumn("Created At", "date", ""), (item, _) => At(item, "metadata.creationTimestamp"))],
        _ => [],
    };

    private static readonly TableColumn s_age = new(new PrinterColumn("Age", "string", ""), (item, now) => TableColumn.Age(At(item, "metadata.creationTimestamp"), now));

    private static TableColumn Text(string name, Func<JsonObject, string?> text, int priority = 0) => new(new PrinterColumn(name, "string", "", Priority: priority), (item, _) => text(item) ?? "");

    private static string? At(JsonNode? item, string path) => JsonType.Text(path.Split('.').Aggregate(item, (value, name) => (value as JsonObject)?[name]));
}
