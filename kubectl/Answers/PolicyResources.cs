using System.Collections.Immutable;
using System.Text.Json;

namespace Hostdev.Kubectl.Answers;

/// <summary>The names under which a policy offers devices, whatever else of its spec this version understands.</summary>
public static class PolicyResources
{
    /// <summary>Its own name, or those of its pools, each once.</summary>
    public static ImmutableArray<string> Of(JsonElement spec)
    {
        var names = new List<string>();
        if (Text(spec, "resourceName") is { } own)
            names.Add(own);
        if (
            spec.ValueKind == JsonValueKind.Object
            && spec.TryGetProperty("pools", out var pools)
            && pools.ValueKind == JsonValueKind.Object
        )
            names.AddRange(pools.EnumerateObject().Select(p => Text(p.Value, "resourceName")).OfType<string>());
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The names by which members of its devices come along (<c>companion</c>), each once.</summary>
    public static ImmutableArray<string> CompanionsOf(JsonElement spec)
    {
        if (spec.ValueKind != JsonValueKind.Object || !spec.TryGetProperty("devices", out var devices))
            return [];
        var sources = devices.ValueKind == JsonValueKind.Object ? devices.EnumerateObject().Select(d => d.Value) : [];
        var members = sources.SelectMany(s =>
            s.ValueKind == JsonValueKind.Object && s.TryGetProperty("members", out var all) && all.ValueKind == JsonValueKind.Array
                ? all.EnumerateArray().ToList()
                : []
        );
        return [.. members.Select(m => Text(m, "companion")).OfType<string>().Distinct(StringComparer.Ordinal)];
    }

    internal static string? Text(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String
            ? text.GetString()
            : null;
}
