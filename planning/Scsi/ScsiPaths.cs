namespace Hostdev.Planning.Scsi;

/// <summary>Several SCSI devices that call themselves the same, in words.</summary>
public static class ScsiPaths
{
    /// <summary>
    /// Whoever has one path writes what another one has cached. Makers of cheap disks and boxes give many of them one name, which cannot be
    /// told from that.
    /// </summary>
    public static string Sentence(string name, string address, IEnumerable<string> others) =>
        $"{address} and {string.Join(", ", others)} call themselves {name}, so they are paths to one disk, and none is offered alone: take the "
        + "other paths from this host (1 to their delete file below /sys/bus/scsi/devices), or give VMs what stands on the multipath map; "
        + "if they are disks to which their maker gave one name, only one of them can be on this host";
}
