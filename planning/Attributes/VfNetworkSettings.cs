using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning.Attributes;

/// <summary>What a pool wants of the network of its virtual functions, as settings and values of the kernel's.</summary>
internal static class VfNetworkSettings
{
    /// <summary>
    /// Of one virtual function, in the order of setting: what may be refused for a passing reason comes late, so that it keeps nothing else
    /// from being set, and last what whoever has the function may change himself.
    /// </summary>
    public static IEnumerable<(string Setting, string Value)> Of(VfPool pool, string node, PciAddress pf, int vf)
    {
        if (pool.Network is not { } network)
            yield break;
        if (network.SpoofChk is { } checks)
            yield return (VfSettings.SpoofCheck, Switch(checks));
        if (network.Trust is { } trusts)
            yield return (VfSettings.Trust, Switch(trusts));
        if (network.Vlan is { } vlan)
            yield return (VfSettings.Vlan, network.VlanQoS is > 0 and var qos ? Text($"{vlan} qos {qos}") : Text($"{vlan}"));
        if (network.LinkState is { } state)
            yield return (VfSettings.LinkState, Word(state));
        if (network.MinTxRate is not null || network.MaxTxRate is not null)
            yield return (VfSettings.Rate, Text($"min_tx_rate {network.MinTxRate ?? 0} max_tx_rate {network.MaxTxRate ?? 0}"));
        if (AddressOf(pool, node, pf, vf) is { } address)
            yield return (VfSettings.Mac, address.ToString());
    }

    private static MacAddress? AddressOf(VfPool pool, string node, PciAddress pf, int vf) =>
        pool.Network?.Mac switch
        {
            { Type: MacType.Hash } => MacAddress.Made(node, pf.ToString(), Text($"{vf}")),
            { Type: MacType.List, Addresses: var addresses } when addresses.Length > PlaceOf(pool, vf) => addresses[PlaceOf(pool, vf)],
            _ => null,
        };

    /// <summary>How many virtual functions of the pool come before it.</summary>
    private static int PlaceOf(VfPool pool, int vf) => pool.Vfs.Where(r => r.First <= vf).Sum(r => Math.Min(r.Last + 1, vf) - r.First);

    private static string Switch(bool on) => on ? "on" : "off";

    private static string Word(VfLinkState state) =>
        state switch
        {
            VfLinkState.Enable => "enable",
            VfLinkState.Disable => "disable",
            _ => "auto",
        };

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
