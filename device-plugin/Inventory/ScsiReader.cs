using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the SCSI devices that have a generic node, from <c>/sys/class/scsi_generic</c> (kernel <c>drivers/scsi/sg.c</c>,
/// <c>scsi_sysfs.c</c>).
/// </summary>
internal sealed class ScsiReader(HostFileReader files, DeviceNames names)
{
    /// <summary>Every SCSI device, with a generic node or without, and hosts and targets beside them.</summary>
    public const string Devices = "/sys/bus/scsi/devices";

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
            if (names.ScsiAt(device.Path) is not { } naming)
            {
                problems.Add(
                    new ReadProblem($"{Generic}/{name}", $"is below \"{address}\", which is no SCSI address: host:channel:target:LUN")
                );
                continue;
            }

            if (naming.WwidProblem is { } nameless)
                device.Report("wwid", nameless);
            if (naming.SerialProblem is { } complaint)
                device.Report("vpd_pg80", complaint);
            var scsi = new ScsiDevice
            {
                Id = naming.Id,
                Address = address,
                GenericName = name,
                Type = device.RequiredInteger("type"),
                Vendor = device.Text("vendor", mayBeEmpty: true),
                Model = device.Text("model", mayBeEmpty: true),
                Serial = naming.Serial,
                Wwid = naming.Wwid,
                Controller = SysfsPath.NearestFunction(device.Path),
                UsbDevice = naming.UsbDevice?.Port,
                Children = children.BelowScsi(address),
                Unreadable = device.DecidingProblems,
            };
            if (device.Settle(problems))
                devices.Add(scsi);
        }

        return [.. devices.OrderBy(d => d.Address, Comparer<string>.Create(CompareAddresses))];
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
