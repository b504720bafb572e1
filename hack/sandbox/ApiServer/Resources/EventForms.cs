using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Resources;

/// <summary>Events have two forms, <c>v1</c> and <c>events.k8s.io/v1</c>, and are stored once (pkg/apis/events/v1/conversion.go).</summary>
internal static class EventForms
{
    /// <summary>The core form's name of a field, and the other's.</summary>
    private static readonly (string Core, string Events)[] s_names =
    [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("reportingComponent", "reportingController"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
    ];

    /// <summary>Changes an event of either form into that of a resource; other objects stay as they are.</summary>
    public static void Convert(JsonObject json, ServedResource resource)
    {
        if (resource is { Kind: "Event", IsCustom: false })
            Convert(json, resource.ApiVersion);
    }

    /// <summary>Events are kept in the core form, by which field selectors find them.</summary>
    public static void ForStorage(JsonObject json, ServedResource resource)
    {
        if (resource is { Kind: "Event", IsCustom: false })
            Convert(json, "v1");
    }

    private static void Convert(JsonObject json, string apiVersion)
    {
        if (json.Text("apiVersion") == apiVersion)
            return;
        json["apiVersion"] = apiVersion;
        foreach (var (core, events) in s_names)
        {
            var (from, to) = apiVersion == "v1" ? (events, core) : (core, events);
            if (json[from]?.DeepClone() is { } value)
                json[to] = value;
            json.Remove(from);
        }
    }
}
