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
        var members = Parts(devices).SelectMany(MembersOf).ToList(); // those of a group have members of their own
        var all = members.Concat(members.SelectMany(Parts).SelectMany(MembersOf));
        return [.. all.Select(m => Text(m, "companion")).OfType<string>().Distinct(StringComparer.Ordinal)];
    }

    private static IEnumerable<JsonElement> Parts(JsonElement of) =>
        of.ValueKind == JsonValueKind.Object ? of.EnumerateObject().Select(p => p.Value) : [];

    private static IEnumerable<JsonElement> MembersOf(JsonElement source) =>
        source.ValueKind == JsonValueKind.Object && source.TryGetProperty("members", out var all) && all.ValueKind == JsonValueKind.Array
            ? all.EnumerateArray().ToList()
            : [];

    internal static string? Text(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String
            ? text.GetString()
            : null;
}
