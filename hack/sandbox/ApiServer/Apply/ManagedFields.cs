using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>Who wrote fields: one entry of <c>metadata.managedFields</c> but for its fields and its time.</summary>
/// <param name="ApiVersion">The same updater in two versions is two; the same applier is one, whatever the version.</param>
internal sealed record FieldManagerKey(string Name, bool Applies, string Subresource, string ApiVersion)
{
    public bool IsSameAs(FieldManagerKey other) =>
        Name == other.Name && Applies == other.Applies && Subresource == other.Subresource && (Applies || ApiVersion == other.ApiVersion);

    /// <summary>As conflicts name it (apimachinery <c>managedfields/internal/conflict.go</c>).</summary>
    public string Display(string time)
    {
        var text = $"\"{Name}\"";
        if (Subresource.Length > 0)
            text += $" with subresource \"{Subresource}\"";
        if (Applies)
            return text;
        return time.Length == 0 ? $"{text} using {ApiVersion}" : $"{text} using {ApiVersion} at {time}";
    }
}

/// <param name="Time">RFC 3339, whole seconds; empty for none.</param>
internal sealed record FieldOwner(FieldManagerKey Key, FieldSet Fields, string Time);

/// <summary>All of an object's <c>metadata.managedFields</c>.</summary>
internal sealed record ManagedFields(ImmutableArray<FieldOwner> Owners)
{
    public static ManagedFields None { get; } = new([]);

    public FieldOwner? Find(FieldManagerKey key) => Owners.FirstOrDefault(o => o.Key.IsSameAs(key));

    public static ManagedFields Of(JsonObject json) => new([.. json["metadata"].Objects("managedFields").Select(Owner)]);

    /// <summary>Whether a client asks to begin anew: an empty list, or a list of one empty entry.</summary>
    public static bool IsReset(JsonObject json) =>
        json["metadata"] is JsonObject m && m["managedFields"] is JsonArray list && (list.Count == 0 || list is [JsonObject { Count: 0 }]);

    public void WriteTo(JsonObject json)
    {
        var metadata = json.Ensure("metadata");
        if (Owners.IsEmpty)
            metadata.Remove("managedFields");
        else
            metadata["managedFields"] = new JsonArray([.. Owners.Order(Comparer<FieldOwner>.Create(Order)).Select(Entry)]);
    }

    public static string TimeText(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static FieldOwner Owner(JsonObject entry) =>
        new(
            new FieldManagerKey(
                entry.Text("manager"),
                entry.Text("operation") == "Apply",
                entry.Text("subresource"),
                entry.Text("apiVersion")
            ),
            FieldSet.Parse(entry.Object("fieldsV1")),
            entry.Text("time")
        );

    private static JsonNode Entry(FieldOwner owner)
    {
        var entry = new JsonObject
        {
            ["manager"] = owner.Key.Name,
            ["operation"] = owner.Key.Applies ? "Apply" : "Update",
            ["apiVersion"] = owner.Key.ApiVersion,
        };
        if (owner.Time.Length > 0)
            entry["time"] = owner.Time;
        entry["fieldsType"] = "FieldsV1";
        entry["fieldsV1"] = owner.Fields.ToJson();
        if (owner.Key.Subresource.Length > 0)
            entry["subresource"] = owner.Key.Subresource;
        return entry;
    }

    private static int Order(FieldOwner a, FieldOwner b)
    {
        if (a.Key.Applies != b.Key.Applies)
            return a.Key.Applies ? -1 : 1;
        (string, string)[] pairs =
        [
            (a.Time, b.Time),
            (a.Key.Name, b.Key.Name),
            (a.Key.ApiVersion, b.Key.ApiVersion),
            (a.Key.Subresource, b.Key.Subresource),
        ];
        return pairs.Select(p => string.CompareOrdinal(p.Item1, p.Item2)).FirstOrDefault(c => c != 0);
    }
}
