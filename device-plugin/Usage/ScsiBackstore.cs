using System.Globalization;
using System.Text.RegularExpressions;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// What the kernel's SCSI target (LIO) exports to others, as <c>/sys/kernel/config/target/core</c> has it: an iblock by the path of a block
/// device, a pscsi by where its SCSI device is, which no process and no <c>holders</c> shows.
/// </summary>
/// <param name="Name">As its admin knows it: <c>pscsi_0/tape</c>.</param>
internal sealed partial record ScsiBackstore(string Path, string Name)
{
    private const string Core = "/sys/kernel/config/target/core";

    public static IEnumerable<ScsiBackstore> All(HostFileReader files) =>
        from hba in files.List(Core)
        from name in files.List($"{Core}/{hba}")
        select new ScsiBackstore($"{Core}/{hba}/{name}", $"{hba}/{name}");

    /// <summary>
    /// Where sysfs has the SCSI device that a pscsi passes on (kernel <c>drivers/target/target_core_pscsi.c:
    /// pscsi_show_configfs_dev_params</c>); with a host adapter of its own it does not say which, and each one's may be it.
    /// </summary>
    public IEnumerable<string> DevicesOf(HostFileReader files)
    {
        if (files.ReadText(Path + "/info").Text is not { } info || Place().Match(info) is not { Success: true } place)
            return [];
        string Number(string name) => place.Groups[name].Value;
        var rest = string.Create(CultureInfo.InvariantCulture, $":{Number("channel")}:{Number("target")}:{Number("lun")}");
        return files
            .List(ScsiReader.Devices)
            .Where(d => SysfsPath.IsScsiAddress(d))
            .Where(d => Number("host") is { Length: > 0 } host ? d == host + rest : d.EndsWith(rest, StringComparison.Ordinal))
            .Select(d => files.ResolveLink($"{ScsiReader.Devices}/{d}"))
            .OfType<string>();
    }

    [GeneratedRegex("Channel ID: (?<channel>[0-9]+) Target ID: (?<target>[0-9]+) LUN: (?<lun>[0-9]+) Host ID: (?<host>[0-9]*)")]
    private static partial Regex Place();
}
