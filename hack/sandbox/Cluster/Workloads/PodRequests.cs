using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>What a Pod asks for.</summary>
internal static class PodRequests
{
    /// <summary>
    /// How many of each extended resource: a name with a domain that is not Kubernetes' own (pkg/apis/core/v1/helper:
    /// <c>IsExtendedResourceName</c>). A container's limits are its requests; init containers run before the others and give back what they
    /// had.
    /// </summary>
    public static ImmutableSortedDictionary<string, int> Of(JsonObject pod)
    {
        var asked = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, count) in pod["spec"].Objects("containers").SelectMany(OfContainer))
            asked[name] = asked.GetValueOrDefault(name) + count;
        foreach (var (name, count) in pod["spec"].Objects("initContainers").SelectMany(OfContainer))
            asked[name] = Math.Max(asked.GetValueOrDefault(name), count);
        return asked.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    /// <summary>A quantity that counts devices: a whole number, as text or not; 0 for anything else.</summary>
    public static int Count(JsonNode? quantity) =>
        int.TryParse(quantity?.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;

    private static IEnumerable<(string Name, int Count)> OfContainer(JsonObject container)
    {
        var resources = container.Object("resources");
        return (resources.Object("limits") ?? resources.Object("requests") ?? [])
            .Where(r => IsExtended(r.Key))
            .Select(r => (r.Key, Count(r.Value)))
            .Where(r => r.Item2 > 0);
    }

    private static bool IsExtended(string resource) =>
        resource.Split('/') is [var domain, _] && !domain.EndsWith("kubernetes.io", StringComparison.Ordinal);
}
