using System.Collections.Immutable;

namespace Hostdev.Crds.Rules;

/// <summary>The rules of <c>crds/mdevprofiles.yaml</c>.</summary>
internal static class MdevProfileRules
{
    public static ImmutableArray<PolicyRule> All { get; } =
    [
        .. CommonRules.EveryPolicy,
        .. CommonRules.Name("spec.resourceName"),
        CommonRules.NameStays,
        PolicyRule.Object("spec", "give exactly one of typeId and typeName", s => s.Has("typeId") != s.Has("typeName")),
        PolicyRule.Object(
            "spec.parents",
            "parents without selectors and names select nothing: give at least one",
            p => p.HasAny("selectors") || p.HasAny("names")
        ),
        .. CommonRules.PciSelectors("spec.parents.selectors"),
        CommonRules.AcceptedAreNamed("selector of parents", s => s.Get("parents").Get("selectors").Items().All(p => p.HasAny("addresses"))),
        PolicyRule.Object(
            "spec.instances",
            "mode Static takes count, 0 or more for each card, and no max",
            i => i.Text("mode") is not (null or "Static") || (i.Number("count") >= 0 && !i.Has("max"))
        ),
        PolicyRule.Object(
            "spec.instances",
            "mode OnDemand takes max, 1 or more for each card, and no count",
            i => i.Text("mode") != "OnDemand" || (i.Number("max") >= 1 && !i.Has("count"))
        ),
        PolicyRule.Object(
            "spec.attributes",
            "an attribute is the plain name of a file of the mediated device: without a slash, and not beginning with a dot",
            a => a.EnumerateObject().All(p => IsPlain(p.Name))
        ),
    ];

    private static bool IsPlain(string name) => name.Length > 0 && !name.Contains('/', StringComparison.Ordinal) && name[0] != '.';
}
