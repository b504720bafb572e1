using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// Reads a node's desired state. What one policy gets wrong freezes that policy alone; only a text that is no desired state at all is
/// refused whole.
/// </summary>
public static class NodeDeviceStateReader
{
    /// <summary>Reads the <c>spec</c> of a NodeDeviceState, or a whole NodeDeviceState object, from YAML or JSON.</summary>
    /// <param name="error">Empty on success; else a sentence that says what is wrong and what to write.</param>
    /// <param name="inForce">As of <see cref="PolicyReader.Read(PolicyIdentity, JsonElement, bool)"/>.</param>
    /// <param name="cordoned">The cordons that are in force: they stay where the text's cannot be read.</param>
    public static NodeDeviceStateSpec? Read(
        string text,
        out string error,
        bool inForce = false,
        ImmutableArray<DesiredCordon> cordoned = default
    )
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            error = "the desired state is empty: to give everything back write \"policies: []\"";
            return null;
        }

        if (YamlJson.Parse(text, out error) is not { } node)
            return null;
        if (node is JsonObject manifest && KindOfManifest(manifest) is { } kind)
        {
            error =
                $"this is the manifest of a {kind}, as an API server takes it: a desired file lists policies, so write \"policies:\", "
                + "below it \"- kind: HostDevice\" (or SriovPolicy, MdevProfile) with name, and spec as it stands here";
            return null;
        }

        if (node is JsonObject { } root && root.ContainsKey("spec") && !root.ContainsKey("policies"))
            node = root["spec"];
        if (node is not JsonObject spec)
        {
            error = node is JsonArray { Count: > 0 }
                ? "the desired state is a list: write \"policies:\" in a line above it"
                : "the desired state must be a mapping with the field policies";
            return null;
        }

        return ReadSpec(spec, inForce, cordoned.IsDefault ? [] : cordoned, out error);
    }

    /// <summary>Of something else than a NodeDeviceState; null where it is no manifest of such.</summary>
    private static string? KindOfManifest(JsonObject root) =>
        root.ContainsKey("policies")
        || root["kind"] is not JsonValue value
        || !value.TryGetValue<string>(out var kind)
        || kind == "NodeDeviceState"
            ? null
            : kind;

    /// <summary>Null for none, and for one that is not of this version.</summary>
    public static NodeDeviceStateStatus? ReadStatus(JsonElement? status)
    {
        if (status is not { ValueKind: JsonValueKind.Object } written)
            return null;
        try
        {
            return written.Deserialize(CrdsJsonContext.Default.NodeDeviceStateStatus);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return null;
        }
    }

    /// <summary>
    /// The conditions of a status, those that can be read, whatever else stands in it and whatever an older CRD left out: their times must
    /// not begin anew for that.
    /// </summary>
    public static ImmutableArray<NodeCondition> ReadConditions(JsonElement? status)
    {
        if (
            status is not { ValueKind: JsonValueKind.Object } written
            || !written.TryGetProperty("conditions", out var conditions)
            || conditions.ValueKind != JsonValueKind.Array
        )
            return [];
        return [.. conditions.EnumerateArray().Select(Condition).OfType<NodeCondition>()];
    }

    /// <summary>
    /// By uid of its policy, which generation was Ready last, as far as the status says it, whoever wrote it: an agent that did not know
    /// the field says it of a policy that is Ready now.
    /// </summary>
    public static IReadOnlyDictionary<string, long?> ReadReadyGenerations(JsonElement? status)
    {
        var ready = new Dictionary<string, long?>(StringComparer.Ordinal);
        if (
            status is not { ValueKind: JsonValueKind.Object } written
            || !written.TryGetProperty("policies", out var policies)
            || policies.ValueKind != JsonValueKind.Array
        )
            return ready;
        foreach (var policy in policies.EnumerateArray().Where(p => p.ValueKind == JsonValueKind.Object))
        {
            if (Text(policy, "uid") is not { } uid)
                continue;
            var isReady = Text(policy, "reason") == Reasons.Ready.Name;
            ready[uid] = Number(policy, "readyGeneration") ?? (isReady ? Number(policy, "generation") : null);
        }

        return ready;
    }

    private static string? Text(JsonElement of, string name) =>
        of.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    private static long? Number(JsonElement of, string name) =>
        of.TryGetProperty(name, out var it) && it.ValueKind == JsonValueKind.Number && it.TryGetInt64(out var number) ? number : null;

    private static NodeCondition? Condition(JsonElement condition)
    {
        try
        {
            return condition.Deserialize(CrdsJsonContext.Default.NodeCondition);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return null;
        }
    }

    private static NodeDeviceStateSpec? ReadSpec(JsonObject spec, bool inForce, ImmutableArray<DesiredCordon> cordoned, out string error)
    {
        error = "";
        foreach (var (name, _) in spec)
        {
            if (name is "policies" or "projectedAt" or CordonReader.Field)
                continue;
            error = $"unknown field \"{name}\" beside policies: this version knows projectedAt, policies and cordons";
            return null;
        }

        if (!spec.ContainsKey("policies"))
        {
            error = "the field policies is missing: to give everything back write \"policies: []\"";
            return null;
        }

        if (spec["policies"] is not JsonArray policies)
        {
            error =
                "policies must be a list: "
                + (
                    spec["policies"] is JsonObject { Count: > 0 }
                        ? "write each as \"- kind: HostDevice\" (or SriovPolicy, MdevProfile), with name and spec below it"
                        : "to give everything back write \"policies: []\""
                );
            return null;
        }

        var read = new List<DesiredPolicy>(policies.Count);
        for (var i = 0; i < policies.Count; i++)
        {
            if (ReadPolicy(policies[i], i, inForce, out error) is not { } policy)
                return null;
            var first = read.FindIndex(p => p.Identity.Kind == policy.Identity.Kind && p.Identity.Name == policy.Identity.Name);
            if (first < 0)
                read.Add(policy);
            else
                read[first] = PolicyReader.Frozen(
                    read[first].Identity,
                    Reasons.InvalidSpec,
                    $"policies[{i}] has the same kind and name as an earlier one, and which of them is meant would be "
                        + "a guess: give each policy a name of its own"
                );
        }

        return new NodeDeviceStateSpec
        {
            ProjectedAt = Time(spec["projectedAt"]),
            Policies = [.. read],
            Cordons = CordonReader.Read(spec[CordonReader.Field], cordoned),
        };
    }

    private static DesiredPolicy? ReadPolicy(JsonNode? node, int index, bool inForce, out string error)
    {
        error = "";
        var at = $"policies[{index}]";
        if (
            node is not JsonObject policy
            || Text(policy["kind"]) is not { Length: > 0 } kind
            || Text(policy["name"]) is not { Length: > 0 } name
        )
        {
            // Without a name nothing can be frozen: a guess could release what a policy holds.
            error =
                (node as JsonObject)?["metadata"] is JsonObject metadata && Text(metadata["name"]) is { } named
                    ? $"{at} has metadata.name, as a manifest has it: write \"name: {named}\" beside kind, in place of metadata"
                    : $"{at} must be a mapping with kind (HostDevice, SriovPolicy, MdevProfile), name and spec";
            return null;
        }

        // A single machine's admin need not invent a uid: kind and name are unique in one file.
        var uid = Text(policy["uid"]) ?? $"{kind}/{name}".ToLowerInvariant();
        var generation = policy["generation"] is JsonValue value && value.TryGetValue<long>(out var number) ? number : 1;
        var identity = new PolicyIdentity(kind, name, uid, generation, Time(policy["creationTimestamp"]));
        var unknown = policy
            .Select(f => f.Key)
            .Where(f => f is not ("kind" or "name" or "uid" or "generation" or "creationTimestamp" or "spec"))
            .ToImmutableArray();
        if (unknown.Length > 0)
        {
            return policy.ContainsKey("spec")
                ? PolicyReader.Unsupported(identity, unknown)
                : PolicyReader.Frozen(
                    identity,
                    Reasons.InvalidSpec,
                    $"spec is missing: write \"spec:\", and below it {string.Join(", ", unknown)}"
                );
        }

        return PolicyReader.Read(
            identity,
            policy["spec"] is { } spec ? JsonSerializer.SerializeToElement(spec, CrdsJsonContext.Default.JsonNode) : default,
            inForce
        );
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static DateTimeOffset? Time(JsonNode? node) =>
        DateTimeOffset.TryParse(Text(node), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
