using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Offering;

/// <param name="Id">The device ID.</param>
/// <param name="Pod"><c>namespace/name</c>.</param>
public sealed record PodUse(string Resource, string Id, string Pod)
{
    /// <summary>The container that has it; empty where nobody says.</summary>
    public string Container { get; init; } = "";
}

/// <summary>One look at what the kubelet says of its pods' devices.</summary>
public abstract record PodUseReading
{
    private PodUseReading() { }

    public sealed record Listed : PodUseReading
    {
        public required ImmutableArray<PodUse> Devices { get; init; }

        /// <summary>Why what this list lacks may be in use all the same, as a sentence; null when a missing ID counts as absent.</summary>
        public required string? Doubt { get; init; }

        public required CheckpointReading Checkpoint { get; init; }
    }

    /// <summary>There was no list: nothing is known to be used, and nothing to be free.</summary>
    public sealed record Unreadable(string Message) : PodUseReading;
}

/// <summary>What the kubelet's own checkpoint says of its pods' devices (<c>kubelet_internal_checkpoint</c>).</summary>
public abstract record CheckpointReading
{
    private CheckpointReading() { }

    /// <summary>Whether a container may have the device by this reading: unread is may.</summary>
    public bool MayName(string resource, string id) => this is not Read read || read.Devices.ContainsKey((resource, id));

    /// <param name="Path">The file.</param>
    /// <param name="Devices">Every device that a container has, with that container in words.</param>
    public sealed record Read(string Path, FrozenDictionary<(string Resource, string Id), string> Devices) : CheckpointReading;

    public sealed record Unreadable(string Message) : CheckpointReading;
}
