using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Cluster;

namespace Hostdev.Sandbox.Demo;

/// <summary>A chapter of the story of a cluster.</summary>
internal sealed class ClusterChapter(
    SandboxCluster cluster,
    ClusterAdmin admin,
    IStoryScreen screen,
    TimeSpan patience,
    TimeProvider time,
    CancellationToken cancellationToken
) : Chapter(screen, patience, time, cancellationToken)
{
    public SandboxCluster Cluster => cluster;

    public ClusterAdmin Admin => admin;

    public override IPicture Picture => ClusterReading.Take(cluster);

    public override IEnumerable<string> Said => ClusterReading.Take(cluster).Policies.Select(p => $"{p.Name}: {p.Message}");

    /// <summary>Waits until a policy's condition is so.</summary>
    public async Task ConditionAsync(string plural, string name, string type, string status, Reason? reason = null)
    {
        JsonNode? found = null;
        await PromiseAsync(
            $"{name} is {type}={status}{(reason is null ? "" : $" ({reason})")}",
            () =>
            {
                var policy = cluster.Server.Objects.Get($"{plural}.hostdev.io", name);
                found = Condition(policy, type);
                return found is null ? "it has no such condition yet"
                    : (long?)found["observedGeneration"] != (long?)policy!["metadata"]!["generation"]
                        ? "its status is of an earlier generation"
                    : (string?)found["status"] == status && (reason is null || (string?)found["reason"] == reason.Name) ? null
                    : $"it is {found["status"]} ({found["reason"]}): {found["message"]}";
            }
        );
        Quote((string)found!["message"]!);
    }

    private static JsonNode? Condition(JsonObject? policy, string type) =>
        (policy?["status"]?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == type);
}
