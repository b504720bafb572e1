using System.Collections.Immutable;
using System.Text.Json;

namespace Hostdev.Crds.Rules;

/// <summary>What the three policy kinds must keep beyond their fields' types.</summary>
public static class PolicyRules
{
    /// <summary>In the order in which they are asked. Empty for a kind that is none of the three.</summary>
    public static ImmutableArray<PolicyRule> Of(string kind) =>
        kind switch
        {
            "HostDevice" => HostDeviceRules.All,
            "SriovPolicy" => SriovPolicyRules.All,
            "MdevProfile" => MdevProfileRules.All,
            _ => [],
        };

    /// <summary>Everything that rules say against a spec, which may have its defaults filled in or not. Empty when nothing.</summary>
    /// <param name="oldSpec">The spec before an update, of which what did not change is not refused; null for a new object.</param>
    public static ImmutableArray<RuleRefusal> Refusals(string kind, JsonElement spec, JsonElement? oldSpec) =>
        [.. Of(kind).SelectMany(rule => rule.Refusals(spec, oldSpec ?? default))];

    /// <summary>As above, without the rules for what is new: of a spec that may have stood there before those were.</summary>
    public static ImmutableArray<RuleRefusal> RefusalsOfStanding(string kind, JsonElement spec) =>
        [.. Of(kind).Where(rule => !rule.IsForNewAlone).SelectMany(rule => rule.Refusals(spec, default))];

    /// <summary>What the rules for what is new say against a spec.</summary>
    /// <param name="inForce">The spec that is in force, in the same form: what it has stays. Null where there is none.</param>
    public static ImmutableArray<RuleRefusal> RefusalsOfNew(string kind, JsonElement spec, JsonElement? inForce) =>
        [.. Of(kind).Where(rule => rule.IsForNewAlone).SelectMany(rule => rule.Refusals(spec, inForce ?? default))];
}
