using System.Collections.Immutable;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Cluster;

/// <summary>What scenarios ask of <see cref="DemoMachines.GpuNode"/>: four GPUs, each with its audio function.</summary>
internal static class GpuMachine
{
    public const string Gpus = "[{vendor: \"10de\", device: \"24b0\"}]";
    public const string FirstGpu = "[{addresses: [\"0000:11:00.0\"]}]";
    public const string SecondGpu = "[{addresses: [\"0000:12:00.0\"]}]";

    public static ImmutableArray<string> Addresses { get; } = ["0000:11:00.0", "0000:12:00.0", "0000:81:00.0", "0000:82:00.0"];

    public static string? Driver(this SandboxNode node, string address) =>
        new DirectoryInfo(node.Kernel.Paths.Resolve($"/sys/bus/pci/devices/{address}/driver")).LinkTarget is { } link
            ? Path.GetFileName(link)
            : null;

    public static int Offered(this SandboxNode node, string resource) => node.Kubelet.Allocatable(resource) ?? 0;

    /// <summary>
    /// What is not as it was. The kernel numbers displays, sound cards and network interfaces anew in the order in which their drivers come
    /// back, and keeps vfio's own directory: that much is nobody's to restore.
    /// </summary>
    public static IEnumerable<string> ChangedSince(this SandboxNode node, TreeSnapshot before) =>
        TreeSnapshot
            .Diff(before, TreeSnapshot.Take(node.Kernel.Paths))
            .Where(d => !s_nobodys.Any(n => d.Contains(n, StringComparison.Ordinal)));

    private static readonly ImmutableArray<string> s_nobodys = ["/drm/", "/sound/", "/net/", "/sys/devices/virtual/vfio"];
}
