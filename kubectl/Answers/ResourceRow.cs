using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Kubectl.Answers;

/// <summary>One resource of one node: what the kubelet is told, and how much of it pods have.</summary>
public sealed record ResourceRow
{
    public required string Node { get; init; }

    public required string Resource { get; init; }

    /// <summary>Devices of it, healthy or not.</summary>
    public required int Capacity { get; init; }

    /// <summary>Healthy, and nobody has them.</summary>
    public required int Free { get; init; }

    /// <summary>Pods have them, or they are on their way back from one.</summary>
    public required int Allocated { get; init; }

    /// <summary>Not given out now; a pod may have them all the same.</summary>
    public required int Unhealthy { get; init; }

    /// <summary>Of those that are not given out now: kept back by an admin.</summary>
    public int Cordoned { get; init; }

    /// <summary>Whether the kubelet has it.</summary>
    public required bool Registered { get; init; }

    public string? Problem { get; init; }

    /// <summary>The resource that it goes with, of tokens: a VM asks for both. Null for a resource of devices.</summary>
    public string? CompanionOf { get; init; }

    /// <summary>The free ones; virtual functions are counted, and not named, because no status lists them.</summary>
    public ImmutableArray<string> FreeDevices { get; init; } = [];

    /// <summary>Those of a node, ordered by name.</summary>
    public static ImmutableArray<ResourceRow> Of(NodeReading reading)
    {
        if (reading.Status is not { } status)
            return [];
        var devices = NodeDevices.Of(reading).ToLookup(d => d.Resource ?? "", StringComparer.Ordinal);
        var allocated = status.Allocations.OfType<AllocationStatus>().CountBy(a => a.Resource).ToDictionary(StringComparer.Ordinal);
        return
        [
            .. status
                .Resources.OfType<ResourceStatus>()
                .OrderBy(r => r.Name, StringComparer.Ordinal)
                .Select(r =>
                {
                    var had = allocated.GetValueOrDefault(r.Name);
                    // An allocated device of which something is the matter is among both.
                    var both = devices[r.Name].Count(d => d is { State: DeviceUse.Allocated or DeviceUse.Returning, IsUnhealthy: true });
                    return new ResourceRow
                    {
                        Node = reading.Node,
                        Resource = r.Name,
                        Capacity = r.Capacity,
                        Free = Math.Max(0, r.Allocatable - Math.Max(0, had - both)),
                        Allocated = had,
                        Unhealthy = Math.Max(0, r.Capacity - r.Allocatable),
                        Cordoned = devices[r.Name].Count(d => d.Reason == Reasons.CordonedByAdmin.Name),
                        Registered = r.Registered,
                        Problem = r.Problem,
                        CompanionOf = reading.Companions.GetValueOrDefault(r.Name),
                        FreeDevices = [.. devices[r.Name].Where(d => d.State == DeviceUse.Free).Select(d => d.Id)],
                    };
                }),
        ];
    }
}
