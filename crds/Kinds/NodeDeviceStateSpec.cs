using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// What one node is to do, written by the operator or, on a single machine, by its admin. An explicit empty <see cref="Policies"/> gives
/// everything back; an absent or unreadable state changes nothing.
/// </summary>
public sealed record NodeDeviceStateSpec
{
    public DateTimeOffset? ProjectedAt { get; init; }

    public required ImmutableArray<DesiredPolicy> Policies { get; init; }

    /// <summary>What an admin keeps from being given out, and what of it cannot be understood.</summary>
    public ImmutableArray<DesiredCordon> Cordons
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>
    /// The fields that this version follows, as <see cref="NodeDeviceStateStatus.Follows"/> tells whoever would write one: an agent that
    /// meets a field which it does not know follows nothing that is written from then on.
    /// </summary>
    public static ImmutableArray<string> Follows { get; } = ["policies", "cordons"];
}

/// <summary>Who a policy is: what claims, journal records and results refer to.</summary>
public sealed record PolicyIdentity(string Kind, string Name, string Uid, long Generation, DateTimeOffset? CreationTimestamp)
{
    /// <summary><c>HostDevice/gpus</c>.</summary>
    public override string ToString() => $"{Kind}/{Name}";
}

/// <summary>One policy of a node's desired state, understood or frozen.</summary>
public abstract record DesiredPolicy(PolicyIdentity Identity)
{
    /// <summary>What all kinds have; null for one that is not understood.</summary>
    public IPolicySpec? Common =>
        this switch
        {
            OfHostDevice p => p.Spec,
            OfSriovPolicy p => p.Spec,
            OfMdevProfile p => p.Spec,
            _ => null,
        };

    public sealed record OfHostDevice(PolicyIdentity Identity, HostDeviceSpec Spec) : DesiredPolicy(Identity);

    public sealed record OfSriovPolicy(PolicyIdentity Identity, SriovPolicySpec Spec) : DesiredPolicy(Identity);

    public sealed record OfMdevProfile(PolicyIdentity Identity, MdevProfileSpec Spec) : DesiredPolicy(Identity);

    /// <summary> Not understood: whatever is in force for it stays, nothing new starts. <paramref name="Reason"/> is
    /// <c>UnsupportedField</c> when a newer operator wrote a field that this agent does not know, <c>InvalidSpec</c> when a value is wrong.
    /// </summary>
    public sealed record Frozen(PolicyIdentity Identity, Reason Reason, string Message) : DesiredPolicy(Identity);
}
