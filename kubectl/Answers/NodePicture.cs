using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.Kubectl.Answers;

/// <summary>Everything about one node that a page shows: the answers of <c>tree</c>, <c>resources</c>, <c>explain</c> and <c>problems</c>.
/// </summary>
public sealed record NodePicture
{
    public required string Node { get; init; }

    /// <summary>Why nothing is known; null where its agent has reported.</summary>
    public string? Lack { get; init; }

    /// <summary>Null where it is not degraded.</summary>
    public Problem? Problem { get; init; }

    public string? Kernel { get; init; }

    /// <summary>Null where nothing was reported.</summary>
    public bool? Iommu { get; init; }

    public string? InterruptRemapping { get; init; }

    /// <summary>Its lists were cut, because they are too long.</summary>
    public bool Truncated { get; init; }

    /// <summary>Files of the host that cannot be read.</summary>
    public required ImmutableArray<string> HostProblems { get; init; }

    public required ImmutableArray<ResourceRow> Resources { get; init; }

    public required ImmutableArray<PolicyOnNode> Policies { get; init; }

    /// <summary>What hangs on the node: IOMMU groups and devices.</summary>
    public required ImmutableArray<DeviceBranch> Branches { get; init; }

    /// <param name="rows">Of <see cref="NodeDevices.Of"/>, with their pods.</param>
    public static NodePicture Of(NodeReading reading, ImmutableArray<DeviceRow> rows)
    {
        var (status, findings) = (reading.Status, NodeDevices.FindingsOf(reading));
        return new NodePicture
        {
            Node = reading.Node,
            Lack = reading.Lack,
            Problem = Problem.Of(reading),
            Kernel = status?.Host?.Kernel,
            Iommu = status?.Host?.Iommu,
            InterruptRemapping = status?.Host?.InterruptRemapping,
            Truncated = status?.Truncated ?? false,
            HostProblems = status?.Host is { Problems: { IsDefault: false } problems } ? problems : [],
            Resources = ResourceRow.Of(reading),
            Policies = [.. (status?.Policies ?? []).OfType<PolicyResult>().Select(PolicyOnNode.Of)],
            Branches = [.. DeviceTree.Of(reading, rows).Children.Select(c => DeviceBranch.Of(c, findings))],
        };
    }
}

/// <summary>A branch of <see cref="DeviceTree"/>, and what is said of its device.</summary>
/// <param name="Label">Of a group and of a range; null where there is a device, which says it all.</param>
/// <param name="Findings">What policies say of the device, those in the way first.</param>
public sealed record DeviceBranch(
    string? Label,
    DeviceRow? Device,
    ImmutableArray<DeviceFinding> Findings,
    ImmutableArray<DeviceBranch> Children
)
{
    internal static DeviceBranch Of(DeviceTree tree, Func<string, ImmutableArray<DeviceFinding>> findings) =>
        new(
            tree.Device is null ? tree.Label : null,
            tree.Device,
            tree.Device is { } device ? findings(device.Id) : [],
            [.. tree.Children.Select(c => Of(c, findings))]
        );
}

/// <summary>What became of a policy on one node.</summary>
/// <param name="Policy"><c>HostDevice/gpus</c>.</param>
public sealed record PolicyOnNode(string Policy, string Reason, string Message, int Matched, int Ready, int Allocated, int Blocked)
{
    public static PolicyOnNode Of(PolicyResult result) =>
        new(
            $"{result.Kind}/{result.Name}",
            result.Reason.Name,
            result.Message,
            result.Matched,
            result.Ready,
            result.Allocated,
            result.Blocked
        );
}
