using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The part of client-go's JSONPath that printer columns use: members (<c>.spec.x</c>, <c>.metadata.labels['a.b/c']</c>, <c>a\.b</c>),
/// items (<c>[0]</c>, <c>[-1]</c>, <c>[*]</c>, <c>[1:3]</c>) and filters that compare (<c>[?(@.type=="Ready")]</c>). What is absent gives
/// nothing.
/// </summary>
public sealed class JsonPath
{
    private readonly ImmutableArray<JsonPathStep> _steps;

    private JsonPath(ImmutableArray<JsonPathStep> steps) => _steps = steps;

    public static bool TryParse(string text, [NotNullWhen(true)] out JsonPath? path)
    {
        path = JsonPathReader.TryRead(text, out var steps) ? new JsonPath(steps) : null;
        return path is not null;
    }

    /// <summary>All values that the path leads to, in their order.</summary>
    public IEnumerable<JsonNode?> Find(JsonNode? root) =>
        _steps.Aggregate((IEnumerable<JsonNode?>)[root], (values, step) => values.SelectMany(step.Next));
}
