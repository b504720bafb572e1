using System.Buffers;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>What the names in a path below <c>/sys/devices</c> say: every device on it is a parent of the next.</summary>
internal static class SysfsPath
{
    private static readonly SearchValues<char> DigitsAndDots = SearchValues.Create("0123456789.");
    private static readonly SearchValues<char> DigitsAndColons = SearchValues.Create("0123456789:");

    /// <summary>The PCI functions on the path from the root down, that of the last name included.</summary>
    public static IEnumerable<PciAddress> PciFunctions(string path) =>
        path.Split('/').Select(name => PciAddress.TryParse(name, out var address) ? address : (PciAddress?)null).OfType<PciAddress>();

    /// <summary>The function that the end of the path hangs below or is; null when none is on it.</summary>
    public static PciAddress? NearestFunction(string path) =>
        Nearest(path, name => PciAddress.TryParse(name, out _)) is { } name ? PciAddress.Parse(name) : null;

    /// <summary>
    /// The nearest USB device, as a port path (<c>1-4.2</c>); root hubs (<c>usb1</c>) and interfaces (<c>1-4.2:1.0</c>) are none.
    /// </summary>
    public static string? NearestUsbDevice(string path) => Nearest(path, IsUsbPortPath);

    /// <summary>The nearest SCSI device, as host:channel:target:LUN.</summary>
    public static string? NearestScsiDevice(string path) => Nearest(path, IsScsiAddress);

    public static string LastName(string path) => path[(path.LastIndexOf('/') + 1)..];

    public static string Parent(string path) => path.LastIndexOf('/') is > 0 and var end ? path[..end] : "/";

    /// <summary>Kernel <c>drivers/usb/core/usb.c: usb_alloc_dev</c>: bus, dash, port numbers joined by dots.</summary>
    public static bool IsUsbPortPath(string name)
    {
        var dash = name.IndexOf('-', StringComparison.Ordinal);
        return dash > 0
            && dash < name.Length - 1
            && name.AsSpan(0, dash).IndexOfAnyExceptInRange('0', '9') < 0
            && char.IsAsciiDigit(name[dash + 1])
            && name.AsSpan(dash + 1).IndexOfAnyExcept(DigitsAndDots) < 0;
    }

    /// <summary>The bus itself: <c>usb1</c>.</summary>
    public static bool IsUsbRootHub(string name) =>
        name.Length > 3 && name.StartsWith("usb", StringComparison.Ordinal) && name.AsSpan(3).IndexOfAnyExceptInRange('0', '9') < 0;

    public static bool IsScsiAddress(string name) =>
        name.Length > 6 && name.AsSpan().IndexOfAnyExcept(DigitsAndColons) < 0 && name.AsSpan().Count(':') == 3;

    private static string? Nearest(string path, Func<string, bool> isWanted) => path.Split('/').LastOrDefault(isWanted);
}
