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

    public const string PathsSerial = "LABPATHS";
    public const string PathsWwid = "naa.5000c500a1b2c3d4";

    /// <summary>Where sysfs has the SCSI device at <c>host:channel:target:LUN</c>.</summary>
    public const string ScsiDevices = "/sys/bus/scsi/devices/";

    /// <summary>
    /// The disk of a USB device, by the name that sysfs has for that; null before usb-storage has found it, a second after the plug.
    /// </summary>
    public static string? DiskOfUsb(HostPaths paths, string device) =>
        Directory
            .GetDirectories(paths.Resolve("/sys/class/block"))
            .Select(d => (Name: Path.GetFileName(d), Target: new DirectoryInfo(d).LinkTarget ?? ""))
            .Where(d => d.Target.Contains($"/{device}/{device}:", StringComparison.Ordinal))
            .Select(d => d.Name)
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();

    /// <summary>
    /// The disk of a SCSI device at <c>host:channel:target:LUN</c>, or the namespace of an NVMe function, without multipath's help: both
    /// lab disks show it below the function or below the subsystem.
    /// </summary>
    public static string DiskOf(HostPaths paths, string address)
    {
        if (address.Count(c => c == ':') == 3)
            return NameBelow(paths, address, "block");
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

    /// <summary>The SCSI device that has this serial number now, as <c>host:channel:target:LUN</c>.</summary>
    public static string ScsiAddressOf(HostPaths paths, string serial) => ScsiAddressesOf(paths, serial).Single();

    public static IReadOnlyList<string> ScsiAddressesOf(HostPaths paths, string serial) =>
        [
            .. Directory
                .GetFileSystemEntries(paths.Resolve(ScsiDevices))
                .Where(d => File.Exists(d + "/vpd_pg80") && File.ReadAllText(d + "/vpd_pg80").EndsWith(serial, StringComparison.Ordinal))
                .Select(d => Path.GetFileName(d)!)
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>The generic node of the SCSI device at <c>host:channel:target:LUN</c>.</summary>
    public static string GenericNodeOf(HostPaths paths, string address) => "/dev/" + NameBelow(paths, address, "scsi_generic");

    /// <summary>The SCSI host that an adapter makes now.</summary>
    public static string ScsiHostOf(HostPaths paths, string adapter) =>
        Directory
            .GetFileSystemEntries(paths.Resolve("/sys/class/scsi_host"))
            .Single(h => new FileInfo(h).LinkTarget!.Contains($"/{adapter}/", StringComparison.Ordinal))
            is var host
            ? Path.GetFileName(host)
            : "";

    private static string NameBelow(HostPaths paths, string address, string directory) =>
        Path.GetFileName(Directory.GetDirectories(paths.Resolve($"{ScsiDevices}{address}/{directory}")).Single());
}
