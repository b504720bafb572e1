using Hostdev.Kube.Client;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>How the agent reaches its NodeDeviceState.</summary>
/// <param name="Node">The Node's name, which is the state's name.</param>
/// <param name="Instance">Which agent this is, in Events: its Pod's name.</param>
public sealed record NodeStateOptions(KubeClient Client, string Node, string Instance)
{
    /// <summary>Between two writes of the status, at least; the first after a quiet time is made at once.</summary>
    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The first request is made within this time, at random: all agents of a cluster may start at once.</summary>
    public TimeSpan StartJitter { get; init; } = TimeSpan.FromSeconds(1);
}
