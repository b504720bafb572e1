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
    /// <param name="oldSpec">The spec before an update; null for a new object.</param>
    public static ImmutableArray<RuleRefusal> Refusals(string kind, JsonElement spec, JsonElement? oldSpec) =>
        [.. Of(kind).SelectMany(rule => rule.Refusals(spec, oldSpec ?? default))];
}
