using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory.Rendering;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// What tells people one interface or disk from another, and decides nothing: read for a list that is looked at, never by the agent. What
/// cannot be read is left out.
/// </summary>
internal sealed class ChildDetailsReader(HostPaths paths)
{
    /// <summary>
    /// The unit of <c>/sys/block/*/size</c>, whatever the disk's own sectors are (kernel <c>Documentation/ABI/stable/sysfs-block</c>).
    /// </summary>
    private const int Sector = 512;

    private readonly HostFileReader _files = new(paths);

    public ImmutableSortedDictionary<string, ChildDetails> Read(HostInventory inventory)
    {
        var children = inventory.Functions.Values.SelectMany(f => f.Children).Concat(inventory.UsbDevices.SelectMany(d => d.Children));
        return children
            .Concat(inventory.ScsiDevices.SelectMany(d => d.Children))
            .Where(c => c.Kind is ChildKind.NetworkInterface or ChildKind.Representor or ChildKind.Disk)
            .DistinctBy(c => c.Name)
            .Select(c => (c.Name, Details: Read(c)))
            .Where(c => c.Details.InWords.Length > 0)
            .ToImmutableSortedDictionary(c => c.Name, c => c.Details, StringComparer.Ordinal);
    }

    private ChildDetails Read(ChildDevice child) =>
        child.Kind == ChildKind.Disk
            ? new ChildDetails(
                Bytes: long.TryParse(Text($"/sys/class/block/{child.Name}/size"), CultureInfo.InvariantCulture, out var sectors)
                    ? sectors * Sector
                    : null,
                Model: Text($"/sys/class/block/{child.Name}/device/model"),
                // NVMe namespaces and virtio disks; what a SCSI disk calls itself stands in its own line.
                Serial: Text($"/sys/class/block/{child.Name}/device/serial") ?? Text($"/sys/class/block/{child.Name}/serial")
            )
            : new ChildDetails(Mac: Text($"/sys/class/net/{child.Name}/address"));

    private string? Text(string path) => _files.ReadText(path).Text?.Trim() is { Length: > 0 } text ? text : null;
}
