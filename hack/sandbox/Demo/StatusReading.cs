using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;

namespace Hostdev.Sandbox.Demo;

/// <param name="Policy">Kind and name; null for what no policy wants any more.</param>
internal sealed record StatusProblem(string? Policy, string Device, FindingState State, Reason Reason, string Message);

/// <summary>What the agent says, read from its status file as an admin reads it.</summary>
internal sealed record StatusReading(
    ImmutableArray<string> Devices,
    ImmutableArray<StatusProblem> Problems,
    ImmutableArray<string> Holders,
    string Synced,
    bool Iommu,
    string InterruptRemapping
)
{
    public static StatusReading Nothing { get; } = new([], [], [], "", Iommu: false, "");

    /// <summary>Null when there is no status yet, or not a whole one.</summary>
    public static StatusReading? Read(string path)
    {
        if (!File.Exists(path) || YamlJson.Parse(File.ReadAllText(path), out _) is not JsonObject status)
            return null;
        var problems = Items(status, "policies")
            .SelectMany(p => Items(p, "problems").Select(x => Problem($"{Text(p, "kind")}/{Text(p, "name")}", x)));
        return new StatusReading(
            [.. Items(status, "devices").Select(d => Text(d, "id"))],
            [.. problems, .. Items(status, "releasing").Select(x => Problem(policy: null, x))],
            [.. Items(status, "allocations").Select(a => Text(a, "pod"))],
            Items(status, "conditions")
                .Where(c => Text(c, "type") == ConditionTypes.Synced)
                .Select(c => Text(c, "message"))
                .FirstOrDefault(""),
            status["host"]?["iommu"]?.GetValue<bool>() == true,
            status["host"] is { } host ? Text(host, "interruptRemapping") : ""
        );
    }

    private static StatusProblem Problem(string? policy, JsonNode problem) =>
        new(
            policy,
            Text(problem, "device"),
            FindingState.Of(Text(problem, "state")),
            Reasons.Of(Text(problem, "reason")),
            Text(problem, "message")
        );

    private static IEnumerable<JsonNode> Items(JsonNode node, string field) => (node[field] as JsonArray)?.OfType<JsonNode>() ?? [];

    private static string Text(JsonNode node, string field) => node[field]?.ToString() ?? "";
}
