using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;

namespace Hostdev.Kubectl.Answers;

/// <summary>What one node's object says, read once.</summary>
public sealed record NodeReading
{
    public required string Node { get; init; }

    /// <summary>Null where there is nothing to read: <see cref="Lack"/> says why.</summary>
    public required NodeDeviceStateStatus? Status { get; init; }

    /// <summary>A sentence; null where there is a status.</summary>
    public required string? Lack { get; init; }

    /// <summary>By uid of a policy of the node's spec, the names under which it offers devices.</summary>
    public required ImmutableDictionary<string, ImmutableArray<string>> ResourcesByPolicy { get; init; }

    /// <summary>What admins keep from being given out, as it stands in the spec; what cannot be understood is left out.</summary>
    public ImmutableArray<DesiredCordon.OfDevice> Cordons
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The resources of companions, each with the one that it goes with.</summary>
    public ImmutableDictionary<string, string> Companions { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The resource of a policy that has one; null where it has several, or is not known.</summary>
    public string? ResourceOf(string policyUid) =>
        ResourcesByPolicy.TryGetValue(policyUid, out var names) && names is [var one] ? one : null;

    /// <summary>All names that a pod may ask for by a policy, those of companions last.</summary>
    public IEnumerable<string> NamesOf(string policyUid)
    {
        var names = ResourcesByPolicy.GetValueOrDefault(policyUid, []);
        return names.Concat(Companions.Where(c => names.Contains(c.Value)).Select(c => c.Key).Order(StringComparer.Ordinal));
    }

    public static NodeReading Of(NodeDeviceState state)
    {
        var (node, status) = (state.Metadata.Name, state.Status);
        return new NodeReading
        {
            Node = node,
            Status = status,
            Lack =
                status is not null ? null
                : state.StatusText is null ? $"{node}: its agent has not reported yet: does its Pod run?"
                : $"{node}: its status is not of this version of kubectl-hostdev, and cannot be read: use the one of the agents' version",
            ResourcesByPolicy = SpecsOf(state.Spec)
                .ToImmutableDictionary(s => s.Key, s => PolicyResources.Of(s.Value), StringComparer.Ordinal),
            Companions = SpecsOf(state.Spec)
                .Values.SelectMany(s => PolicyResources.CompanionsOf(s), (s, name) => (name, Of: PolicyResources.Text(s, "resourceName")))
                .Where(c => c.Of is not null)
                .DistinctBy(c => c.name)
                .ToImmutableDictionary(c => c.name, c => c.Of!, StringComparer.Ordinal),
            Cordons = CordonsOf(state.Spec),
        };
    }

    private static ImmutableArray<DesiredCordon.OfDevice> CordonsOf(JsonElement? spec) =>
        spec is { ValueKind: JsonValueKind.Object } it
        && it.TryGetProperty(CordonReader.Field, out var cordons)
        && cordons.ValueKind == JsonValueKind.Array
            ? [.. CordonReader.Read(JsonArray.Create(cordons), []).OfType<DesiredCordon.OfDevice>()]
            : [];

    /// <summary>By the policy's uid.</summary>
    private static Dictionary<string, JsonElement> SpecsOf(JsonElement? spec)
    {
        var specs = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (
            spec is not { ValueKind: JsonValueKind.Object } it
            || !it.TryGetProperty("policies", out var policies)
            || policies.ValueKind != JsonValueKind.Array
        )
            return specs;
        foreach (var policy in policies.EnumerateArray().Where(p => p.ValueKind == JsonValueKind.Object))
        {
            if (PolicyResources.Text(policy, "uid") is { } uid && policy.TryGetProperty("spec", out var one))
                specs[uid] = one;
        }

        return specs;
    }
}
