using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>What a table's rows carry beside their cells (<c>?includeObject=</c>).</summary>
public enum IncludeObject
{
    /// <summary>The default: the object's metadata alone.</summary>
    Metadata,
    None,
    Object,
}

/// <summary>
/// Tables of <c>meta.k8s.io</c> as the API server sends them to <c>kubectl get</c>: Name and a CRD's printer columns, Name and Age where it
/// has none, and for some built-in kinds the columns that they have in Kubernetes.
/// </summary>
/// <param name="now">Ages are counted to it.</param>
public sealed class TableWriter(ResourceDescription resource, DateTimeOffset now)
{
    private static readonly PrinterColumn s_age = new("Age", "date", ".metadata.creationTimestamp", "How long ago the object was created.");

    private readonly ImmutableArray<TableColumn> _columns = BuiltInColumns.For(resource.Resource) is { IsEmpty: false } builtIn
        ? builtIn
        : [TableColumn.Name, .. (resource.Columns.IsEmpty ? [s_age] : resource.Columns).Select(TableColumn.FromCrd)];

    /// <param name="items">Objects of the resource, in the order in which they are to stand.</param>
    /// <param name="listMetadata">The list's own: resourceVersion, continue, remainingItemCount. Empty for a single object.</param>
    /// <param name="apiVersion"><c>meta.k8s.io/v1</c> or <c>meta.k8s.io/v1beta1</c>, as the client accepts.</param>
    /// <param name="headers">False for the second and later tables of a watch, which the API server sends without.</param>
    public JsonObject Write(
        IEnumerable<JsonObject> items,
        JsonObject listMetadata,
        IncludeObject include,
        string apiVersion = "meta.k8s.io/v1",
        bool headers = true
    ) =>
        new()
        {
            ["kind"] = "Table",
            ["apiVersion"] = apiVersion,
            ["metadata"] = listMetadata.DeepClone(),
            ["columnDefinitions"] = headers ? new JsonArray([.. _columns.Select(c => c.Definition())]) : null,
            ["rows"] = new JsonArray([.. items.Select(item => Row(item, include, apiVersion))]),
        };

    private JsonNode Row(JsonObject item, IncludeObject include, string apiVersion)
    {
        var row = new JsonObject { ["cells"] = new JsonArray([.. _columns.Select(c => c.Cell(item, now))]) };
        row["object"] = include switch
        {
            IncludeObject.Object => item.DeepClone(),
            IncludeObject.Metadata => new JsonObject
            {
                ["kind"] = "PartialObjectMetadata",
                ["apiVersion"] = apiVersion,
                ["metadata"] = item["metadata"]?.DeepClone(),
            },
            _ => null,
        };
        return row;
    }
}
