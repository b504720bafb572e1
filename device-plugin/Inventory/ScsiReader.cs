using System.Collections.Immutable;
using System.Text;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the SCSI devices that have a generic node, from <c>/sys/class/scsi_generic</c> (kernel <c>drivers/scsi/sg.c</c>,
/// <c>scsi_sysfs.c</c>).
/// </summary>
internal sealed class ScsiReader(HostFileReader files)
{
    private const string Generic = "/sys/class/scsi_generic";

    /// <summary>Ordered by host, channel, target and LUN.</summary>
    public ImmutableArray<ScsiDevice> Read(ChildIndex children, List<ReadProblem> problems)
    {
        var devices = new List<ScsiDevice>();
        foreach (var name in files.List(Generic))
        {
            // .../2:0:0:0/scsi_generic/sg0
            if (files.ResolveLink($"{Generic}/{name}") is not { } path)
                continue;
            var device = new DeviceFiles(files, SysfsPath.Parent(SysfsPath.Parent(path)));
            var address = SysfsPath.LastName(device.Path);
            if (!SysfsPath.IsScsiAddress(address))
            {
                problems.Add(
                    new ReadProblem($"{Generic}/{name}", $"is below \"{address}\", which is no SCSI address: host:channel:target:LUN")
                );
                continue;
            }

            var scsi = new ScsiDevice
            {
                Address = address,
                GenericName = name,
                Type = device.RequiredInteger("type"),
                Vendor = device.Text("vendor", mayBeEmpty: true),
                Model = device.Text("model", mayBeEmpty: true),
                Serial = ReadSerial(device),
                Controller = SysfsPath.NearestFunction(device.Path),
                Children = children.BelowScsi(address),
            };
            if (device.Settle(problems))
                devices.Add(scsi);
        }

        return [.. devices.OrderBy(d => d.Address, Comparer<string>.Create(CompareAddresses))];
    }

    /// <summary>
    /// VPD page 0x80 (SPC, "Unit Serial Number"): type, page code, two bytes of length, then the serial, padded with blanks.
    /// </summary>
    private string? ReadSerial(DeviceFiles device)
    {
        if (!device.Has("vpd_pg80"))
            return null;
        var page = files.ReadBytes(device.PathOf("vpd_pg80"), out var error);
        // The kernel keeps the file when the device has no such page and answers EINVAL.
        if (error == Errno.EINVAL || error == Errno.ENOENT)
            return null;
        if (page is null || page.Length < 4 || page[1] != 0x80)
        {
            device.Report("vpd_pg80", page is null ? $"cannot be read: {error.Name}" : "is no page 0x80");
            return null;
        }

        var length = Math.Min((page[2] << 8) | page[3], page.Length - 4);
        var serial = Encoding.ASCII.GetString(page, 4, length).Trim(' ', '\0');
        if (serial.All(c => c is >= ' ' and <= '~'))
            return serial.Length == 0 ? null : serial;
        device.Report("vpd_pg80", "holds a serial that is not text");
        return null;
    }

    private static int CompareAddresses(string left, string right)
    {
        var (a, b) = (left.Split(':'), right.Split(':'));
        for (var i = 0; i < 4; i++)
            if (ulong.Parse(a[i]).CompareTo(ulong.Parse(b[i])) is not 0 and var difference)
                return difference;
        return 0;
    }
}
