using System.Collections.Immutable;
using System.Text.Json;

namespace Hostdev.Crds.Rules;

/// <summary>The rules of <c>crds/sriovpolicies.yaml</c>.</summary>
internal static class SriovPolicyRules
{
    /// <summary>How a range of virtual functions is written.</summary>
    public const string RangeForm = "first is 0 or more, and last is not below it: write for example {first: 0, last: 3}";

    public static ImmutableArray<PolicyRule> All { get; } =
    [
        .. CommonRules.EveryPolicy,
        CommonRules.NotEmpty("spec.physicalFunctions"),
        CommonRules.HasProperty("spec.physicalFunctions[*]", ["vendor", "device", "driver"], "addresses", "interfaces"),
        CommonRules.Id("spec.physicalFunctions[*].vendor"),
        CommonRules.Id("spec.physicalFunctions[*].device"),
        CommonRules.Address("spec.physicalFunctions[*].addresses[*]"),
        PolicyRule.Object(
            "spec",
            "numVfs is required with management Owned: write how many virtual functions each physical function gets, "
                + "or use management External",
            s => s.Text("management") is not (null or "Owned") || s.Has("numVfs")
        ) with
        {
            Field = "numVfs",
            Reason = RuleReasons.Required,
        },
        PolicyRule.Object(
            "spec",
            "numVfs has no meaning with management External: remove it, or use management Owned",
            s => s.Text("management") != "External" || !s.Has("numVfs")
        ) with
        {
            Field = "numVfs",
        },
        PolicyRule.Number("spec.numVfs", "numVfs cannot be negative: write 0 or more", n => n >= 0),
        PolicyRule.Object(
            "spec",
            "a list of MAC addresses is for one physical function, because two interfaces with one address disturb each other: let "
                + "physicalFunctions have one entry with one address, or use mac type Hash",
            s =>
                !s.Get("pools").Items().Any(VfNetworkRules.HasList)
                || s.Get("physicalFunctions").Items().Select(f => f.Get("addresses").Items().Count()).ToList() is [1]
        ) with
        {
            Field = "pools",
        },
        PolicyRule.Object(
            "spec",
            "a pool reaches beyond numVfs: virtual functions are counted from 0 to numVfs - 1; lower last, or raise numVfs",
            s => s.Number("numVfs") is not { } count || Ranges(s.Get("pools").Items()).All(r => r.Last < count)
        ) with
        {
            Field = "pools",
        },
        PolicyRule.Object(
            "spec",
            "an attribute reaches beyond numVfs: virtual functions are counted from 0 to numVfs - 1; lower last, or raise numVfs",
            s => s.Number("numVfs") is not { } count || Ranges(s.Get("attributes").Items()).All(r => r.Last < count)
        ) with
        {
            Field = "attributes",
        },
        PolicyRule.Object(
            "spec",
            "with management External nobody is told before virtual functions are made: remove when: BeforeVfs, or use management Owned",
            s => s.Text("management") != "External" || s.Get("attributes").Items().All(a => a.Text("when") != "BeforeVfs")
        ) with
        {
            Field = "attributes",
        },
        PolicyRule.Object(
            "spec",
            "allowProtected overrides the host's own need of a device and is only legal when every entry of "
                + "physicalFunctions lists addresses: add addresses, or remove allowProtected",
            s => !s.HasAny("allowProtected") || AreAddresses(s)
        ) with
        {
            Field = "allowProtected",
        },
        CommonRules.AcceptedAreNamed("entry of physicalFunctions", AreAddresses),
        .. Pools("spec.pools"),
        .. AttributeRules.OfFunctions("spec.attributes"),
    ];

    private static ImmutableArray<PolicyRule> Pools(string at) =>
        [
            PolicyRule.List(
                at,
                "two pools have one name: give each pool a name of its own",
                l => l.Items().GroupBy(p => p.Text("name")).All(g => g.Key is null || g.Count() == 1)
            ),
            PolicyRule.List(
                at,
                "two ranges overlap: a virtual function is in one pool, and there once",
                l => !Overlap([.. Ranges(l.Items())])
            ),
            PolicyRule.List(
                $"{at}[name].vfs",
                "a pool without virtual functions offers nothing: list ranges, for example {first: 0, last: 3}",
                l => l.Items().Any()
            ),
            PolicyRule.Object($"{at}[name].vfs[*]", RangeForm, IsRange),
            .. VfNetworkRules.Of($"{at}[name]"),
            .. CommonRules.Driver($"{at}[name].driver"),
            .. CommonRules.Name($"{at}[name].resourceName"),
            PolicyRule.Object(
                $"{at}[name]",
                "the driver Native leaves these functions to the host: remove resourceName, or use driver type Vfio, Auto or Named",
                p => !IsNative(p) || !p.Has("resourceName")
            ) with
            {
                Field = "resourceName",
            },
            PolicyRule.Object(
                $"{at}[name]",
                "binding says when functions are taken for VMs, and the driver Native leaves these to the host: remove binding, or use "
                    + "driver type Vfio, Auto or Named",
                p => !IsNative(p) || !p.Has("binding")
            ) with
            {
                Field = "binding",
            },
            PolicyRule.Object(
                $"{at}[name]",
                "resourceName is required, because without a name nobody can ask for these functions: write one, or use driver type Native",
                p => IsNative(p) || p.Has("resourceName")
            ) with
            {
                Field = "resourceName",
                Reason = RuleReasons.Required,
            },
            PolicyRule.Transition(
                $"{at}[name]",
                JsonValueKind.Object,
                "resourceName cannot be changed or removed, because pods ask for devices by it: give the pool "
                    + "another name together with the new resourceName",
                (self, old) => !old.Has("resourceName") || self.Text("resourceName") == old.Text("resourceName")
            ) with
            {
                Field = "resourceName",
            },
        ];

    private static bool AreAddresses(JsonElement spec) => spec.Get("physicalFunctions").Items().All(f => f.HasAny("addresses"));

    private static bool IsNative(JsonElement pool) => pool.Get("driver").Text("type") == "Native";

    public static bool IsRange(JsonElement range) =>
        range.Number("first") is not { } first || range.Number("last") is not { } last || (first >= 0 && first <= last);

    /// <summary>The ranges of pools, or of attributes.</summary>
    public static IEnumerable<(long First, long Last)> Ranges(IEnumerable<JsonElement> all) =>
        from one in all
        from range in one.Get("vfs").Items()
        where range.Number("first") is not null && range.Number("last") is not null
        select (range.Number("first")!.Value, range.Number("last")!.Value);

    public static bool Overlap(List<(long First, long Last)> ranges) =>
        ranges.Any(r => ranges.Count(s => s.First <= r.Last && r.First <= s.Last) > 1);
}
