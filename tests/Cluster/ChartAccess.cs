using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Tests.Charts;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// The chart's accounts, rights and admission policy for the cluster of a scenario: those of the chart, in the scenario's namespace, and
/// under names of its own where they stand in none, so that they go with it.
/// </summary>
internal static class ChartAccess
{
    private const string ReleaseNamespace = "hostdev-system";

    /// <summary>With the chart's own values, in an order in which they can be made.</summary>
    /// <param name="suffix">Of names outside the namespace; may be empty.</param>
    public static ImmutableArray<JsonObject> For(string ns, string suffix) =>
        [.. RenderedChart.Access.Concat(RenderedChart.Admission).Select(o => Moved(o, ns, suffix))];

    /// <summary>A manifest of the release in <c>hostdev-system</c> as it is in another namespace.</summary>
    public static JsonObject Moved(JsonObject manifest, string ns, string suffix)
    {
        var moved = JsonNode.Parse(manifest.ToJsonString().Replace(ReleaseNamespace, ns, StringComparison.Ordinal))!.AsObject();
        var metadata = moved["metadata"]!.AsObject();
        var isOutside = (string?)metadata["namespace"] != ns; // in the whole cluster, or in a namespace that is not the scenario's
        if (!isOutside && moved["roleRef"] is null)
            return moved;
        if (isOutside)
            metadata["name"] = Named(metadata["name"]!, suffix);
        if (moved["roleRef"] is { } role && (isOutside || (string)role["kind"]! == "ClusterRole"))
            role["name"] = Named(role["name"]!, suffix);
        if (moved["spec"]?["policyName"] is { } policy)
            moved["spec"]!["policyName"] = Named(policy, suffix);
        return moved;
    }

    private static string Named(JsonNode name, string suffix) => $"{name}{suffix}";
}
