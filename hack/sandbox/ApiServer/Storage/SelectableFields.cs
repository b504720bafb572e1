using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Storage;

/// <summary>
/// The fields that field selectors know: name and namespace of every object, and of pods and events those that the real server has
/// (pkg/apis/core/v1/conversion.go, <c>AddFieldLabelConversionsForPod</c> and <c>...Event</c>; the strategies of both fill them).
/// </summary>
internal static class SelectableFields
{
    private static readonly Dictionary<string, string[][]> ByKind = new()
    {
        ["Pod"] =
        [
            ["spec", "nodeName"],
            ["spec", "restartPolicy"],
            ["spec", "schedulerName"],
            ["spec", "serviceAccountName"],
            ["status", "phase"],
            ["status", "podIP"],
        ],
        ["Event"] =
        [
            ["involvedObject", "kind"],
            ["involvedObject", "namespace"],
            ["involvedObject", "name"],
            ["involvedObject", "uid"],
            ["involvedObject", "apiVersion"],
            ["involvedObject", "resourceVersion"],
            ["involvedObject", "fieldPath"],
            ["reason"],
            ["reportingComponent"],
            ["type"],
        ],
        ["Node"] =
        [
            ["spec", "unschedulable"],
        ],
        ["Namespace"] =
        [
            ["status", "phase"],
        ],
        ["Secret"] =
        [
            ["type"],
        ],
    };

    public static FrozenDictionary<string, string> Of(JsonObject json, string ns, string name)
    {
        var fields = new Dictionary<string, string> { ["metadata.name"] = name, ["metadata.namespace"] = ns };
        foreach (var path in ByKind.GetValueOrDefault(json.Text("kind"), []))
        {
            JsonNode? at = json;
            foreach (var step in path)
                at = (at as JsonObject)?[step];
            fields[string.Join('.', path)] = at?.ToString() ?? "";
        }

        if (json.Text("kind") == "Node" && fields["spec.unschedulable"].Length == 0)
            fields["spec.unschedulable"] = "false";
        return fields.ToFrozenDictionary();
    }

    /// <summary>What a selector may name for a kind; events are known by other words in their own group.</summary>
    public static string? Canonical(ServedResource resource, string field)
    {
        var name = resource is { Kind: "Event", Group: "events.k8s.io" }
            ? field switch
            {
                "reportingController" => "reportingComponent",
                _ when field.StartsWith("regarding.", StringComparison.Ordinal) => "involvedObject." + field["regarding.".Length..],
                _ => field,
            }
            : field;
        if (resource is { Kind: "Event" } && name is "source")
            return "reportingComponent";
        return
            name is "metadata.name" or "metadata.namespace"
            || ByKind.GetValueOrDefault(resource.Kind, []).Any(p => string.Join('.', p) == name)
            ? name
            : null;
    }
}
