using System.Collections.Immutable;
using Hostdev.Crds.Words;

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
            "mode Static takes either count, 0 or more for each card, or max, 1 or more: give one of the two",
            i =>
                i.Text("mode") is not (null or "Static")
                || (i.Has("count") != i.Has("max") && (i.Number("count") ?? 0) >= 0 && (i.Number("max") ?? 1) >= 1)
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
        PolicyRule.Object(
            "spec.attributes",
            "a map has no order, and was never written: move these to instances.attributes, a list of file and value in the "
                + "order of writing",
            a => !a.EnumerateObject().Any()
        ) with
        {
            IsForNewAlone = true,
        },
        .. AttributeRules.Items("spec.instances.attributes", WritableOf.MediatedDevice, "mdevprofile.spec.instances.attributes.file"),
    ];

    private static bool IsPlain(string name) => name.Length > 0 && !name.Contains('/', StringComparison.Ordinal) && name[0] != '.';
}
