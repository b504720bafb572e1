using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Rules;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// Reads one policy. What it gets wrong freezes it, with a message that names the field and the fix. Rules for what is new alone are asked
/// where it is known what is in force (<see cref="AsNew"/>).
/// </summary>
public static class PolicyReader
{
    /// <param name="kind">HostDevice, SriovPolicy or MdevProfile; another one freezes.</param>
    public static DesiredPolicy Read(string kind, ObjectMeta metadata, JsonElement spec) =>
        Read(new PolicyIdentity(kind, metadata.Name, metadata.Uid ?? "", metadata.Generation, metadata.CreationTimestamp), spec);

    /// <param name="inForce">A version before may have taken it in, by fewer rules: none refuses it now.</param>
    public static DesiredPolicy Read(PolicyIdentity identity, JsonElement spec, bool inForce = false) =>
        identity.Kind switch
        {
            "HostDevice" => ReadAs(
                identity,
                spec,
                inForce,
                CrdsJsonContext.Default.HostDeviceSpec,
                s => new DesiredPolicy.OfHostDevice(identity, s)
            ),
            "SriovPolicy" => ReadAs(
                identity,
                spec,
                inForce,
                CrdsJsonContext.Default.SriovPolicySpec,
                s => new DesiredPolicy.OfSriovPolicy(identity, s)
            ),
            "MdevProfile" => ReadAs(
                identity,
                spec,
                inForce,
                CrdsJsonContext.Default.MdevProfileSpec,
                s => new DesiredPolicy.OfMdevProfile(identity, s)
            ),
            _ => Frozen(
                identity,
                Reasons.UnsupportedField,
                $"kind \"{identity.Kind}\" is not known to this version: use HostDevice, SriovPolicy or MdevProfile"
            ),
        };

    /// <summary>
    /// Which nodes a spec is meant for, also where the rest of it is not understood; null where that itself cannot be read.
    /// </summary>
    public static LabelSelector? NodeSelector(JsonElement spec)
    {
        try
        {
            return
                spec.ValueKind == JsonValueKind.Object
                && spec.TryGetProperty("nodeSelector", out var selector)
                && UnknownFields.Find(selector, CrdsJsonContext.Default.LabelSelector, "").IsEmpty
                ? selector.Deserialize(CrdsJsonContext.Default.LabelSelector)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// The policy as it is followed after what is in force: frozen where it breaks a rule that became stricter by something that is not in
    /// force.
    /// </summary>
    /// <param name="inForce">The version of it that is in force; null where there is none.</param>
    public static DesiredPolicy AsNew(DesiredPolicy policy, DesiredPolicy? inForce)
    {
        if (Spec(policy) is not { } spec)
            return policy;
        var refusals = PolicyRules.RefusalsOfNew(policy.Identity.Kind, spec, inForce is null ? null : Spec(inForce));
        return refusals.IsEmpty ? policy : Frozen(policy.Identity, Reasons.InvalidSpec, string.Join("; ", refusals));
    }

    /// <summary>
    /// Its spec as this version writes it, so that one value has one form, with defaults or without; null for one that was never
    /// understood.
    /// </summary>
    public static JsonElement? Spec(DesiredPolicy policy) =>
        NodeDeviceStateWriter.ToJson(policy)?["spec"] is { } spec
            ? JsonSerializer.SerializeToElement(spec, CrdsJsonContext.Default.JsonNode)
            : null;

    internal static DesiredPolicy.Frozen Unsupported(PolicyIdentity identity, ImmutableArray<string> fields) =>
        Frozen(
            identity,
            Reasons.UnsupportedField,
            $"this version does not know {string.Join(", ", fields)}: upgrade the agent, or correct the spelling"
        );

    internal static DesiredPolicy.Frozen Frozen(PolicyIdentity identity, Reason reason, string message) =>
        new(identity, reason, $"{identity}: {message}");

    private static DesiredPolicy ReadAs<T>(
        PolicyIdentity identity,
        JsonElement element,
        bool inForce,
        JsonTypeInfo<T> type,
        Func<T, DesiredPolicy> make
    )
        where T : class
    {
        if (element.ValueKind != JsonValueKind.Object)
            return Frozen(identity, Reasons.InvalidSpec, "spec must be a mapping");
        var unknown = UnknownFields.Find(element, type, "spec");
        if (unknown.Length > 0)
            return Unsupported(identity, unknown);
        var refusals = inForce ? [] : PolicyRules.RefusalsOfStanding(identity.Kind, element);
        var problems = refusals.Select(r => r.ToString()).ToList();
        try
        {
            var spec = element.Deserialize(type)!;
            if (problems.Count == 0)
                return make(spec);
        }
        catch (JsonException e)
        {
            // What a rule says of the field says more.
            if (Sentence(e, element) is { } sentence && refusals.All(r => r.Path != Field(e.Path)))
                problems.Add($"{Field(e.Path)}: {sentence}");
        }

        return Frozen(identity, Reasons.InvalidSpec, string.Join("; ", problems));
    }

    private static string Field(string? path) => path is null or "$" ? "spec" : "spec" + path[1..];

    /// <summary>Null for what a rule says better.</summary>
    private static string? Sentence(JsonException e, JsonElement spec)
    {
        if (e.Message.Contains("missing required properties", StringComparison.Ordinal))
        {
            var missing = e
                .Message.Split('\'')
                .Where((_, i) => i % 2 == 1)
                .Where(s => s != "nodeSelector" && !s.Contains('.', StringComparison.Ordinal))
                .ToList();
            return missing.Count == 0 ? null : $"{string.Join(", ", missing)} is required";
        }

        if (e.Message.Contains("nullability annotation", StringComparison.Ordinal))
            return "the value is missing: write one, or leave the field out where it is optional";
        return e.Message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal)
            ? $"the value has the wrong type: write {TypeWanted(e, At(spec, e.Path))}"
            : e.Message;
    }

    private static readonly ImmutableArray<string> s_numbers = ["as a number", "Int32", "Int64"];

    /// <summary>By the name of the type in .NET's sentence: what a field's text or word may be, its own converter says.</summary>
    private static string TypeWanted(JsonException e, JsonElement? found)
    {
        var type = e.InnerException?.Message ?? e.Message.Split(" Path:")[0];
        var isQuoted = found is { ValueKind: JsonValueKind.String };
        if (s_numbers.Any(n => type.Contains(n, StringComparison.Ordinal)))
            return isQuoted && long.TryParse(found!.Value.GetString(), out _) ? "the number without quotes" : "a whole number";
        if (type.Contains("as a boolean", StringComparison.Ordinal))
            return isQuoted && bool.TryParse(found!.Value.GetString(), out _) ? "true or false without quotes" : "true or false";
        return type.Contains("ImmutableArray", StringComparison.Ordinal)
            ? "a list, an item on each line after \"- \""
            : "a mapping, fields with their values";
    }

    /// <param name="path">As <see cref="JsonException.Path"/> has it: <c>$.devices.pci.selectors[0].vendor</c>.</param>
    private static JsonElement? At(JsonElement spec, string? path)
    {
        JsonElement? at = spec;
        foreach (var step in (path ?? "$").Split('.', '[').Skip(1))
        {
            at = at switch
            {
                { ValueKind: JsonValueKind.Object } map => map.TryGetProperty(step, out var value) ? value : null,
                { ValueKind: JsonValueKind.Array } list
                    when int.TryParse(step.TrimEnd(']'), out var index) && index < list.GetArrayLength() => list[index],
                _ => null,
            };
        }

        return at;
    }
}
