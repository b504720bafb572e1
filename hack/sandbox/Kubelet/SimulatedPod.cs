using System.Collections.Immutable;
using Hostdev.DevicePlugin.Kubelet.Protos;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>Where a pod stands.</summary>
public enum PodPhase
{
    /// <summary>Admitted, its container runs with the answers of <see cref="SimulatedPod.Answers"/>.</summary>
    Running,

    /// <summary>Admitted, its container does not start; the kubelet tries again when asked to restart it.</summary>
    Waiting,

    /// <summary>Not admitted, for good.</summary>
    Failed,
}

/// <summary>A pod with one container, <c>compute</c>, as KubeVirt makes them.</summary>
/// <param name="Reason">CamelCase, as in the pod's status; empty while it runs.</param>
/// <param name="Devices">Resource to the IDs the pod holds.</param>
/// <param name="Answers">Resource to the cached answer of its Allocate: a restarted container gets it again.</param>
public sealed record SimulatedPod(
    string Namespace,
    string Name,
    PodPhase Phase,
    string Reason,
    string Message,
    ImmutableSortedDictionary<string, ImmutableArray<string>> Devices,
    ImmutableSortedDictionary<string, ContainerAllocateResponse> Answers
)
{
    public const string Container = "compute";

    /// <summary>The resources in the order in which the last start merged their answers, which is a Go map's; by name before it.</summary>
    public ImmutableArray<string> MergeOrder
    {
        get => field.IsDefault ? [.. Answers.Keys] : field;
        init;
    }

    /// <summary>The environment the container was started with: on a conflict between resources the first wins.</summary>
    public ImmutableSortedDictionary<string, string> Envs =>
        Merged.SelectMany(a => a.Envs).DistinctBy(e => e.Key).ToImmutableSortedDictionary(e => e.Key, e => e.Value);

    /// <summary>The device nodes of the container, once per container path.</summary>
    public ImmutableArray<string> DeviceNodes =>
        [.. Merged.SelectMany(a => a.Devices).DistinctBy(d => d.ContainerPath).Select(d => d.HostPath)];

    private IEnumerable<ContainerAllocateResponse> Merged => MergeOrder.Where(Answers.ContainsKey).Select(r => Answers[r]);

    internal static SimulatedPod New(string ns, string name) =>
        new(
            ns,
            name,
            PodPhase.Waiting,
            "",
            "",
            ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty,
            ImmutableSortedDictionary<string, ContainerAllocateResponse>.Empty
        );
}

/// <summary>What a pod asks for of one resource: a number, or given IDs (as when a test needs a certain device).</summary>
public sealed record DeviceRequest(string Resource, int Count, ImmutableArray<string> Ids = default);
