using System.Collections.Immutable;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// What the physical function's network interface has for the virtual functions of a pool (<c>ip link set DEV vf N</c>). What is absent is
/// left as it is.
/// </summary>
public sealed record VfNetwork
{
    public MacChoice? Mac { get; init; }

    /// <summary>0 is none.</summary>
    public int? Vlan { get; init; }

    /// <summary>0 to 7; absent with a VLAN is 0.</summary>
    public int? VlanQoS { get; init; }

    public bool? Trust { get; init; }

    public bool? SpoofChk { get; init; }

    /// <summary>Mbit/s, 0 is none; absent where the other one is there is 0.</summary>
    public int? MinTxRate { get; init; }

    /// <summary>Mbit/s, 0 is without limit; absent where the other one is there is 0.</summary>
    public int? MaxTxRate { get; init; }

    public VfLinkState? LinkState { get; init; }
}

/// <summary>Which address each virtual function has.</summary>
public sealed record MacChoice
{
    public required MacType Type { get; init; }

    /// <summary>With <see cref="MacType.List"/> alone: of each virtual function of the pool, in their order.</summary>
    public ImmutableArray<MacAddress> Addresses
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public enum MacType
{
    /// <summary>Of the node's name, the physical function's address and the index: the same over reboots and policies.</summary>
    Hash,

    List,
}

public enum VfLinkState
{
    /// <summary>As the physical function's.</summary>
    Auto,

    Enable,
    Disable,
}
