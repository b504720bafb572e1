using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Demo;

/// <summary>A mediated device as sysfs shows it.</summary>
/// <param name="Parent">The device that it was made on, by its name in <c>/sys/class/mdev_bus</c>.</param>
/// <param name="Type">As the type's <c>name</c> says.</param>
/// <param name="Resource">Under which name the kubelet has it now; null when it does not.</param>
/// <param name="Vm">Who has it, by the kubelet's word.</param>
internal sealed record MdevRow(string Uuid, string Type, string Parent, string? Group, string? Resource = null, string? Vm = null)
{
    private const string Devices = "/sys/bus/mdev/devices";

    /// <summary>All that are there, those of one parent and type together.</summary>
    public static ImmutableArray<MdevRow> Read(HostPaths paths) =>
        [
            .. Directory
                .EnumerateFileSystemEntries(paths.Resolve(Devices))
                .Select(device => new MdevRow(
                    Path.GetFileName(device),
                    File.ReadAllText(Path.Combine(device, "mdev_type", "name")).Trim(),
                    Path.GetFileName(Path.GetDirectoryName(new FileInfo(device).LinkTarget))!,
                    new FileInfo(Path.Combine(device, "iommu_group")).LinkTarget is { } group ? Path.GetFileName(group) : null
                ))
                .OrderBy(m => m.Parent, StringComparer.Ordinal)
                .ThenBy(m => m.Type, StringComparer.Ordinal)
                .ThenBy(m => m.Uuid, StringComparer.Ordinal),
        ];
}
