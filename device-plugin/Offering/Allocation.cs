using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One ID that was given out, until it is proven to be back.</summary>
public sealed record Allocation
{
    public required string Id { get; init; }

    public required string Resource { get; init; }

    /// <summary>The devices of the unit; none of a token.</summary>
    public required ImmutableArray<DeviceId> Functions { get; init; }

    /// <summary>Whether it stands for no device: one of <see cref="Tokens"/>.</summary>
    [JsonIgnore]
    public bool IsToken => Functions.IsEmpty;

    /// <summary>
    /// What the VM was given, the one that it is told of first, with the drivers then. Absent in files of versions that did not record it.
    /// </summary>
    public ImmutableArray<BoundDevice> Drivers
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The nodes of the answer that are the unit's own.</summary>
    public required ImmutableArray<AnsweredNode> Nodes { get; init; }

    /// <summary>What the VM is told that the host calls it, where that is not its ID; null else.</summary>
    public string? Address { get; init; }

    /// <summary>When it was answered, or when this process read of it, whichever is later.</summary>
    public required DateTimeOffset AnsweredAt { get; init; }

    /// <summary><c>namespace/name</c> once the kubelet has shown it; null before.</summary>
    public string? Pod { get; init; }

    /// <summary>Since when every trustworthy list lacked it; null while it is there, and when the last list proves nothing.</summary>
    public DateTimeOffset? AbsentSince { get; init; }

    /// <summary>
    /// Who has its node open though the kubelet knows no pod with it, as words; null when nobody has, as far as was looked.
    /// </summary>
    public string? Holder { get; init; }

    /// <summary>
    /// Which proof is still lacking before it counts as returned, as a sentence; null while the kubelet lists it, and before the first
    /// look.
    /// </summary>
    public string? Lacks { get; init; }
}

/// <summary>
/// How long it takes to prove that a device came back. The defaults are the contract's (contracts/kubelet.md, "Pod-resources API").
/// </summary>
public sealed record ReleaseProof
{
    /// <summary>How far apart the two lists must be that both lack the ID.</summary>
    public TimeSpan Absence { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer may take to show in the kubelet's list.</summary>
    public TimeSpan UnseenGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a kubelet must have been up before what its list lacks counts: after a start it learns of its pods one by one.
    /// </summary>
    public TimeSpan KubeletUptime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often, at most, the kubelet is made to write its checkpoint anew, when nothing else is lacking.</summary>
    public TimeSpan CheckpointRefresh { get; init; } = TimeSpan.FromSeconds(60);
}
