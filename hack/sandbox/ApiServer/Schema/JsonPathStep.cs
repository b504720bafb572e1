using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>One step of a path: from a value to those it leads to.</summary>
internal abstract record JsonPathStep
{
    public abstract IEnumerable<JsonNode?> Next(JsonNode? value);

    public sealed record Member(string Name) : JsonPathStep
    {
        public override IEnumerable<JsonNode?> Next(JsonNode? value) =>
            value is JsonObject members && members.TryGetPropertyValue(Name, out var member) ? [member] : [];
    }

    /// <summary>Items, or the members' values of an object.</summary>
    public sealed record All : JsonPathStep
    {
        public override IEnumerable<JsonNode?> Next(JsonNode? value) =>
            value switch
            {
                JsonArray items => items,
                JsonObject members => members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => m.Value),
                _ => [],
            };
    }

    /// <summary>From one index up to before another; below zero they count from the end.</summary>
    public sealed record Slice(int? From, int? To) : JsonPathStep
    {
        public override IEnumerable<JsonNode?> Next(JsonNode? value)
        {
            if (value is not JsonArray items)
                return [];
            var from = FromEnd(From ?? 0, items.Count);
            return items.Skip(from).Take(FromEnd(To ?? items.Count, items.Count) - from);
        }

        internal static int FromEnd(int index, int count) => Math.Max(0, index < 0 ? count + index : index);
    }

    public sealed record Item(int Index) : JsonPathStep
    {
        public override IEnumerable<JsonNode?> Next(JsonNode? value) =>
            value is JsonArray items && (Index < 0 ? items.Count + Index : Index) is var at && at >= 0 && at < items.Count
                ? [items[at]]
                : [];
    }

    /// <summary>Items where the value at <paramref name="Path"/> compares so; without an operator those that have one.</summary>
    public sealed record Filter(ImmutableArray<JsonPathStep> Path, string Operator, JsonNode? Wanted) : JsonPathStep
    {
        public override IEnumerable<JsonNode?> Next(JsonNode? value) => value is JsonArray items ? items.Where(Matches) : [];

        private bool Matches(JsonNode? item)
        {
            var found = Path.Aggregate((IEnumerable<JsonNode?>)[item], (values, step) => values.SelectMany(step.Next)).ToList();
            if (found.Count == 0 || Operator.Length == 0)
                return found.Count > 0;
            if (Operator is "==" or "!=")
                return JsonType.Equal(found[0], Wanted) == (Operator == "==");
            var order = Compare(found[0], Wanted);
            return Operator switch
            {
                "<" => order < 0,
                "<=" => order <= 0,
                ">" => order > 0,
                _ => order >= 0,
            };
        }

        /// <summary>Null when the two are not of one kind: then no order holds.</summary>
        private static int? Compare(JsonNode? a, JsonNode? b)
        {
            if (JsonType.Text(a) is { } x && JsonType.Text(b) is { } y)
                return string.CompareOrdinal(x, y);
            return JsonType.Of(a) is JsonType.Integer or JsonType.Number && JsonType.Of(b) is JsonType.Integer or JsonType.Number
                ? JsonType.Double(a!).CompareTo(JsonType.Double(b!))
                : null;
        }
    }
}
