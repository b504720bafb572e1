namespace Hostdev.Planning.Attributes;

/// <summary>What the kernel has for a virtual function at its physical function's interface, in the words of ip-link(8).</summary>
internal static class VfSettings
{
    public const string SpoofCheck = "spoofchk";
    public const string Trust = "trust";
    public const string Vlan = "vlan";
    public const string LinkState = "state";

    /// <summary>Both rates, which the kernel takes together.</summary>
    public const string Rate = "rate";
    public const string Mac = "mac";
}
