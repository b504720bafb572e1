using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Tests.Scenarios;

/// <summary>What both kinds of node find out alike.</summary>
internal static class ScenarioNodes
{
    /// <summary>The number of a device's IOMMU group, by its name on whatever bus it is.</summary>
    public static int GroupOf(HostPaths paths, string device) =>
        int.Parse(
            ((string[])["pci", "mdev"])
                .Select(bus => new DirectoryInfo(paths.Resolve($"/sys/bus/{bus}/devices/{device}/iommu_group")).LinkTarget)
                .OfType<string>()
                .Select(link => Path.GetFileName(link))
                .Single(),
            CultureInfo.InvariantCulture
        );

    /// <summary>The network interface of a function, as the host has it now.</summary>
    public static string InterfaceOf(HostPaths paths, string address) =>
        Path.GetFileName(Directory.GetDirectories(paths.Resolve($"/sys/bus/pci/devices/{address}/net")).Single());

    /// <summary>The disk of a USB device, by the name that sysfs has for that.</summary>
    public static string DiskOfUsb(HostPaths paths, string device) =>
        Directory
            .GetDirectories(paths.Resolve("/sys/class/block"))
            .Select(d => (Name: Path.GetFileName(d), Target: new DirectoryInfo(d).LinkTarget ?? ""))
            .Where(d => d.Target.Contains($"/{device}/{device}:", StringComparison.Ordinal))
            .Select(d => d.Name)
            .Order(StringComparer.Ordinal)
            .First();

    /// <summary>
    /// The namespace of an NVMe function, without multipath's help: both lab disks show it below the function or below the subsystem.
    /// </summary>
    public static string DiskOf(HostPaths paths, string address)
    {
        var controller = Path.GetFileName(Directory.GetDirectories(paths.Resolve($"/sys/bus/pci/devices/{address}/nvme")).Single());
        var subsystem = Directory
            .GetDirectories(paths.Resolve("/sys/class/nvme-subsystem"))
            .Single(s => Directory.Exists(Path.Combine(s, controller)));
        return Directory
            .GetDirectories(subsystem)
            .Concat(Directory.GetDirectories(Path.Combine(subsystem, controller)))
            .Select(d => Path.GetFileName(d)!)
            .First(n =>
                n.StartsWith("nvme", StringComparison.Ordinal)
                && n.Contains('n', StringComparison.Ordinal)
                && File.Exists(paths.Resolve($"/sys/class/block/{n}/dev"))
            );
    }
}
