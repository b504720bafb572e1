using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Names of vendors and devices from the <c>pci.ids</c> database (https://pci-ids.ucw.cz), where the host or the image has one. Only the
/// names that were asked for are kept; the file (1.5 MB) is read again only when ids come up that were never asked for.
/// </summary>
public sealed class PciNames(HostPaths paths)
{
    private static readonly string[] Databases = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];
    private readonly HostFileReader files = new(paths);
    private readonly Dictionary<(PciId Vendor, PciId? Device), string?> names = [];

    /// <summary>Why no device has a name; null where there is a database.</summary>
    internal ReadProblem? Problem =>
        Databases.Any(files.Exists)
            ? null
            : new ReadProblem(
                Databases[0],
                $"is not there, nor is {Databases[1]}: devices are shown without names; "
                    + "install pci.ids (Debian, Ubuntu) or hwdata (RHEL, SUSE)"
            );

    /// <summary>Makes sure that these ids have been looked for. One pass over the file for all that are new.</summary>
    public void Learn(IEnumerable<(PciId Vendor, PciId Device)> ids)
    {
        var missing = new HashSet<(PciId, PciId?)>();
        foreach (var (vendor, device) in ids)
        {
            if (!names.ContainsKey((vendor, null)))
                missing.Add((vendor, null));
            if (!names.ContainsKey((vendor, device)))
                missing.Add((vendor, device));
        }

        if (missing.Count == 0 || Databases.FirstOrDefault(files.Exists) is not { } database)
            return;
        foreach (var id in missing)
            names[id] = null;
        Scan(database, missing);
    }

    public string? VendorName(PciId vendor) => names.GetValueOrDefault((vendor, null));

    public string? DeviceName(PciId vendor, PciId device) => names.GetValueOrDefault((vendor, device));

    /// <summary>
    /// Vendors stand at the line's beginning, devices after one tab, subsystems after two; classes (<c>C 02</c>) come last.
    /// </summary>
    private void Scan(string database, HashSet<(PciId, PciId?)> missing)
    {
        PciId? vendor = null;
        foreach (var line in files.ReadLines(database))
        {
            if (line.Length < 7 || line[0] == '#' || line[1] == '\t')
                continue;
            if (line.StartsWith("C ", StringComparison.Ordinal))
                return;
            if (line[0] != '\t')
            {
                vendor = PciId.TryParse(line[..4], out var id) && missing.Contains((id, null)) ? id : null;
                // A known vendor with a new device: its name is known, its devices are still to be looked at.
                if (vendor is null && PciId.TryParse(line[..4], out id) && missing.Any(m => m.Item1 == id))
                    vendor = id;
                if (vendor is { } wanted)
                    names[(wanted, null)] = line[4..].Trim();
            }
            else if (vendor is { } of && PciId.TryParse(line[1..5], out var device) && missing.Contains((of, device)))
            {
                names[(of, device)] = line[5..].Trim();
            }
        }
    }
}
