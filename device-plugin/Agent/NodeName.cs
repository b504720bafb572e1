using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>What the node is called, for addresses that are made of it.</summary>
internal static class NodeName
{
    /// <param name="inCluster">Its name in the cluster; null where none is known: then it is the host's own.</param>
    public static string Of(HostPaths paths, string? inCluster) =>
        inCluster is { Length: > 0 } ? inCluster : new HostFileReader(paths).ReadText("/proc/sys/kernel/hostname").Text ?? "";
}
