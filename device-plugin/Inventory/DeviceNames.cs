using System.Globalization;
using System.Text;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Which devices lie on a path below <c>/sys/devices</c>, by what stays: numbers of USB buses and SCSI hosts do not, so their devices are
/// asked who they are, each once. For one look.
/// </summary>
internal sealed class DeviceNames(HostFileReader files)
{
    private readonly Dictionary<string, UsbPort?> _ports = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScsiNaming?> _disks = new(StringComparer.Ordinal);

    /// <summary>The devices of all classes that can be passed, from the root down.</summary>
    public IEnumerable<DeviceId> On(string path)
    {
        var end = 0;
        while (end < path.Length)
        {
            var begin = end + 1;
            end = path.IndexOf('/', begin) is > 0 and var slash ? slash : path.Length;
            if (Named(path[begin..end], path[..end]) is { } device)
                yield return device;
        }
    }

    /// <summary>
    /// The socket of a USB device. With a bus for each speed it is the port of the slower one (kernel <c>drivers/usb/core/port.c</c>:
    /// <c>peer</c>). Null when the path is none of a USB device.
    /// </summary>
    public UsbPort? PortOf(string path)
    {
        if (!_ports.TryGetValue(path, out var port))
            _ports[path] = port = ReadPort(path);
        return port;
    }

    /// <summary>Who a SCSI device is; null when the path is none of one.</summary>
    public ScsiNaming? ScsiAt(string path)
    {
        if (!_disks.TryGetValue(path, out var naming))
            _disks[path] = naming = ReadScsi(path);
        return naming;
    }

    private DeviceId? Named(string name, string path)
    {
        if (PciAddress.TryParse(name, out var address))
            return address;
        if (MdevUuid.TryParse(name, out var uuid))
            return uuid;
        if (SysfsPath.IsUsbPortPath(name))
            return PortOf(path) is { } port ? new DeviceId.OfUsb(port) : null;
        return SysfsPath.IsScsiAddress(name) && ScsiAt(path) is { } naming ? naming.Id : null;
    }

    private UsbPort? ReadPort(string path)
    {
        var own = Parse(path);
        if (own is null || files.ResolveLink(path + "/port") is not { } port || files.ResolveLink(port + "/peer") is not { } peer)
            return own;
        return SpeedOfHub(port) > SpeedOfHub(peer) ? ParsePort(peer) ?? own : own;
    }

    /// <summary>
    /// A port lies below its hub's interface, and is called as the hub with its number: <c>usb1-port2</c>, <c>1-2-port4</c>.
    /// </summary>
    private double SpeedOfHub(string port) =>
        double.TryParse(
            files.ReadText(SysfsPath.Parent(SysfsPath.Parent(port)) + "/speed").Text,
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var megabits
        )
            ? megabits
            : 0;

    private static UsbPort? ParsePort(string port)
    {
        var name = SysfsPath.LastName(port);
        var at = name.LastIndexOf("-port", StringComparison.Ordinal);
        if (at < 0)
            return null;
        var hub = SysfsPath.Parent(SysfsPath.Parent(port));
        var number = name[(at + "-port".Length)..];
        var below = SysfsPath.IsUsbPortPath(SysfsPath.LastName(hub)) ? $"{name[..at]}.{number}" : $"{name[3..at]}-{number}";
        return Parse($"{hub}/{below}");
    }

    /// <summary>By the text alone: <c>.../0000:00:14.0/usb1/1-4/1-4.2</c> is port 4.2 of that controller.</summary>
    private static UsbPort? Parse(string path)
    {
        var names = path.Split('/');
        var root = Array.FindLastIndex(names, SysfsPath.IsUsbRootHub);
        if (root < 1 || !SysfsPath.IsUsbPortPath(names[^1]))
            return null;
        return UsbPort.TryParse($"{names[root - 1]}/{names[^1][(names[^1].IndexOf('-', StringComparison.Ordinal) + 1)..]}", out var port)
            ? port
            : null;
    }

    /// <summary>
    /// What has neither a wwid nor a serial number is itself as long as it is there: what comes to its address later is another one. A
    /// node's directory may be called as the device too (<c>bsg/0:0:0:0</c>), and only the device is below its target (kernel
    /// <c>drivers/scsi/scsi_scan.c</c>).
    /// </summary>
    private ScsiNaming? ReadScsi(string path)
    {
        var address = SysfsPath.LastName(path);
        if (
            !SysfsPath.IsScsiAddress(address)
            || !SysfsPath.LastName(SysfsPath.Parent(path)).StartsWith("target", StringComparison.Ordinal)
            || !ulong.TryParse(address[(address.LastIndexOf(':') + 1)..], out var lun)
        )
            return null;
        var above = On(SysfsPath.Parent(path)).LastOrDefault();
        var wwid = ReadWwid(path);
        var serial = ReadSerial(path);
        return new ScsiNaming
        {
            Id = ScsiDisk.Of(above?.ToString() ?? "", wwid.Text ?? serial.Text ?? Here(path, address), lun),
            UsbDevice = above as DeviceId.OfUsb,
            Wwid = wwid.Text,
            Serial = serial.Text,
            WwidProblem = wwid.Problem,
            SerialProblem = serial.Problem,
        };
    }

    private string Here(string path, string address) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"at {address}, {files.ReadInode(path)} of boot {files.ReadText("/proc/sys/kernel/random/boot_id").Text}"
        );

    /// <summary>The kernel keeps the file where the device has no such name: EINVAL without VPD page 0x83, ENXIO with one of no use.</summary>
    private (string? Text, string? Problem) ReadWwid(string path)
    {
        var file = files.ReadText(path + "/wwid");
        if (file.Text is { } text)
            return (text.Length > 0 ? text : null, null);
        return (null, file.IsAbsent || file.Error == Errno.EINVAL || file.Error == Errno.ENXIO ? null : file.Complaint);
    }

    /// <summary>
    /// VPD page 0x80 (SPC, "Unit Serial Number"): type, page code, two bytes of length, then the serial, padded with blanks. The kernel
    /// keeps the file when the device has no such page and answers EINVAL.
    /// </summary>
    private (string? Text, string? Problem) ReadSerial(string path)
    {
        var page = files.ReadBytes(path + "/vpd_pg80", out var error);
        if (error == Errno.EINVAL || error == Errno.ENOENT)
            return (null, null);
        if (page is null)
            return (null, $"cannot be read: {error.Name}");
        if (page.Length < 4 || page[1] != 0x80)
            return (null, "is no page 0x80");
        var length = Math.Min((page[2] << 8) | page[3], page.Length - 4);
        var serial = Encoding.ASCII.GetString(page, 4, length).Trim(' ', '\0');
        return !serial.All(c => c is >= ' ' and <= '~') ? (null, "holds a serial that is not text")
            : serial.Length == 0 ? (null, null)
            : (serial, null);
    }
}

/// <summary>Who a SCSI device is.</summary>
internal sealed record ScsiNaming
{
    public required ScsiDisk Id { get; init; }

    /// <summary>The USB device that it is a part of; null for all others.</summary>
    public DeviceId.OfUsb? UsbDevice { get; init; }

    /// <summary>Null where it has none.</summary>
    public string? Wwid { get; init; }

    /// <summary>Null where it has none.</summary>
    public string? Serial { get; init; }

    /// <summary>Why its wwid is not known, going on after the file's name; null when it is, or there is none.</summary>
    public string? WwidProblem { get; init; }

    /// <summary>As <see cref="WwidProblem"/>.</summary>
    public string? SerialProblem { get; init; }

    /// <summary>Another device that calls itself the same: by all that is known they are two paths to one.</summary>
    public bool IsAlso(ScsiNaming other) => Id == other.Id || (Wwid is not null && Wwid == other.Wwid);
}
