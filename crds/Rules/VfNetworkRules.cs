using System.Collections.Immutable;
using System.Text.Json;

namespace Hostdev.Crds.Rules;

/// <summary>What a pool has its physical function's interface do with its virtual functions.</summary>
internal static class VfNetworkRules
{
    /// <param name="pool">Where a pool is.</param>
    public static ImmutableArray<PolicyRule> Of(string pool) =>
        [
            PolicyRule.Object(
                pool,
                "mac.addresses has one address for each virtual function of the pool, which is one range then: list as many as from first "
                    + "to last, or divide the pool",
                p => !HasList(p) || Ranges(p) is [var (first, last)] && last - first + 1 == Addresses(p).Count()
            ) with
            {
                Field = "network",
            },
            PolicyRule.Object(
                $"{pool}.network",
                "vlanQoS is a part of a VLAN's tag: write vlan too, from 1 to 4094, or remove vlanQoS",
                n => !n.Has("vlanQoS") || n.Number("vlan") is > 0
            ) with
            {
                Field = "vlanQoS",
            },
            PolicyRule.Object(
                $"{pool}.network",
                "minTxRate is above maxTxRate: lower it, or raise maxTxRate (0 is without limit)",
                n => n.Number("minTxRate") is not { } least || n.Number("maxTxRate") is not { } most || most == 0 || least <= most
            ) with
            {
                Field = "minTxRate",
            },
            PolicyRule.Object(
                $"{pool}.network.mac",
                "addresses is required with type List: list one for each virtual function of the pool",
                m => m.Text("type") != "List" || m.Has("addresses")
            ) with
            {
                Field = "addresses",
                Reason = RuleReasons.Required,
            },
            PolicyRule.Object(
                $"{pool}.network.mac",
                "addresses has no meaning without type List: remove it, or use type List",
                m => m.Text("type") == "List" || !m.Has("addresses")
            ) with
            {
                Field = "addresses",
            },
            PolicyRule.List(
                $"{pool}.network.mac.addresses",
                "an address stands here twice: give each virtual function one of its own",
                l => l.Items().Where(a => a.ValueKind == JsonValueKind.String).GroupBy(a => a.GetString()).All(g => g.Count() == 1)
            ),
            PolicyRule.Text(
                $"{pool}.network.mac.addresses[*]",
                "write the address of one interface, not of a group: six bytes in hexadecimal, in lower case, the first of them even, for "
                    + "example \"52:54:00:12:34:56\"",
                text => MacAddress.TryParse(text, out _)
            ),
            PolicyRule.Number($"{pool}.network.vlan", "a VLAN is from 1 to 4094, and 0 is none", n => n is >= 0 and <= 4094),
            PolicyRule.Number($"{pool}.network.vlanQoS", "vlanQoS is from 0 to 7", n => n is >= 0 and <= 7),
            PolicyRule.Number($"{pool}.network.minTxRate", "minTxRate cannot be negative: write Mbit/s, or 0 for none", n => n >= 0),
            PolicyRule.Number($"{pool}.network.maxTxRate", "maxTxRate cannot be negative: write Mbit/s, or 0 for no limit", n => n >= 0),
        ];

    public static bool HasList(JsonElement pool) => pool.Get("network").Get("mac").Has("addresses");

    private static IEnumerable<JsonElement> Addresses(JsonElement pool) => pool.Get("network").Get("mac").Get("addresses").Items();

    private static List<(long First, long Last)> Ranges(JsonElement pool) => [.. SriovPolicyRules.Ranges([pool])];
}
