using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Scsi;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One SCSI device as it really is: from an inventory, or read just now.</summary>
/// <param name="Address">Host:channel:target:LUN; null when it is not there.</param>
/// <param name="Node">Its generic node; null when it has none.</param>
/// <param name="BlockNode">Null when it has none.</param>
public sealed record ScsiState(string? Address, string? Node, string? BlockNode)
{
    /// <summary>Addresses of others that call themselves the same.</summary>
    public ImmutableArray<string> OtherPaths { get; init; } = [];

    public static ScsiState Nothing { get; } = new(null, null, null);

    public static ScsiState Of(ScsiDisk disk, HostInventory inventory) =>
        inventory.Scsi(disk) is { } scsi
            ? new ScsiState(scsi.Address, scsi.Node, scsi.BlockNode) { OtherPaths = [.. inventory.AlsoAt(scsi).Select(s => s.Address)] }
            : Nothing;

    /// <summary>How a unit of it stands.</summary>
    public UnitState Stand(Handout.ScsiNode handout)
    {
        var problem =
            Address is null ? $"the SCSI device {handout.Disk} ({handout.Name}) is not there"
            : Node is null ? $"the SCSI device {handout.Disk} ({Address}) has no generic node: modprobe sg"
            : !OtherPaths.IsEmpty ? ScsiPaths.Sentence(handout.Name, Address, OtherPaths)
            : null;
        var drivers = ImmutableSortedDictionary<DeviceId, string?>.Empty;
        return new UnitState(
            problem,
            [.. new[] { Node, BlockNode }.OfType<string>()],
            Address is null ? drivers : drivers.Add(handout.Disk, handout.Name)
        )
        {
            Address = Address,
            SysfsPath = $"/sys/bus/scsi/devices/{Address}",
        };
    }
}
