using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// What the kubelet's side of the agent asks of the devices' side. Implementations check the real state of the machine before they answer,
/// and never keep the caller's thread for it: the kernel may keep a look for ever, and then the token gives it up.
/// </summary>
public interface IDeviceAllocator
{
    /// <summary>
    /// Checks that every ID can be handed out now and says what the container needs for it. All or nothing: one ID that cannot be handed
    /// out refuses the call. Does not wait for anybody; the same IDs give the same answer as long as the machine is the same.
    /// </summary>
    ValueTask<AllocateOutcome> AllocateAsync(ResourceName resource, ImmutableArray<string> deviceIds, CancellationToken cancellationToken);

    /// <summary>
    /// Compares the answer that was recorded for these IDs with reality, before a container that may use a cached answer starts. Null when
    /// they agree.
    /// </summary>
    ValueTask<Refusal?> CheckBeforeStartAsync(ResourceName resource, ImmutableArray<string> deviceIds, CancellationToken cancellationToken);

    /// <summary>
    /// Whether the ID could be handed out now; nothing is handed out or recorded. Asked about an ID that was refused, until it is good
    /// again. Null when it could. An implementation without such a check of its own falls back on <see cref="CheckBeforeStartAsync"/>.
    /// </summary>
    ValueTask<Refusal?> CheckOfferAsync(ResourceName resource, string deviceId, CancellationToken cancellationToken) =>
        CheckBeforeStartAsync(resource, [deviceId], cancellationToken);

    /// <summary>What is the matter with an ID as far as is known without a look at the machine; null when nothing is.</summary>
    Refusal? KnownProblem(ResourceName resource, string deviceId) => null;

    /// <summary>The <paramref name="size"/> IDs that lie closest together, <paramref name="mustInclude"/> first. Fewer when fewer are
    /// available; unknown IDs are treated as far from everything.</summary>
    ImmutableArray<string> Prefer(ResourceName resource, ImmutableArray<string> available, ImmutableArray<string> mustInclude, int size);
}

/// <summary>
/// A refusal that an admin or a pod's owner reads: a CamelCase reason and a sentence that says what is wrong, where, and which fix.
/// </summary>
/// <param name="DeviceIds">The IDs that are at fault: they turn Unhealthy before the error is returned.</param>
public sealed record Refusal(Reason Reason, string Message, ImmutableArray<string> DeviceIds);

/// <summary>The end of an Allocate.</summary>
public abstract record AllocateOutcome
{
    private AllocateOutcome() { }

    /// <param name="Envs">Environment variables for the container.</param>
    /// <param name="Nodes">Device nodes; host path and container path are the same.</param>
    public sealed record Granted(ImmutableSortedDictionary<string, string> Envs, ImmutableArray<DeviceNode> Nodes) : AllocateOutcome;

    public sealed record Refused(Refusal Refusal) : AllocateOutcome;
}

/// <summary>One device node of an answer: an exact node, never a directory.</summary>
/// <param name="Path">Absolute path, the same on the host and in the container.</param>
/// <param name="Permissions">Cgroup permissions, always <c>mrw</c> for KubeVirt (contracts/kubevirt.md, 7).</param>
public sealed record DeviceNode(string Path, string Permissions = "mrw");
