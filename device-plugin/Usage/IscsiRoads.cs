using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// The functions that a disk over iSCSI by TCP comes over: it hangs below <c>/sys/devices/platform/hostN/sessionM</c>, and its host and
/// connection say by which addresses (kernel <c>drivers/scsi/scsi_transport_iscsi.c</c>). iSER and the cards with an iSCSI of their own
/// hang below their functions.
/// </summary>
internal sealed class IscsiRoads(HostFileReader files, InterfaceRoads interfaces)
{
    private const string Hosts = "/sys/devices/platform/host";

    /// <summary>Each function once; none for what is no such disk, and where no address tells.</summary>
    public IEnumerable<Road> RoadsOn(string path)
    {
        if (!path.StartsWith(Hosts, StringComparison.Ordinal))
            return [];
        if (path.Split('/') is not ["", "sys", "devices", "platform", var host, var session, ..])
            return [];
        if (!session.StartsWith("session", StringComparison.Ordinal))
            return [];
        var connection = $"/sys/class/iscsi_connection/connection{session["session".Length..]}:0";
        var local = files.ReadText($"/sys/class/iscsi_host/{host}/ipaddress").Text;
        var remote = files.ReadText($"{connection}/address").Text ?? files.ReadText($"{connection}/persistent_address").Text;
        return interfaces.Between(local, remote).SelectMany(n => interfaces.RoadsOf(n, "iSCSI")).DistinctBy(r => r.Device);
    }
}
