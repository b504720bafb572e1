using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Who holds a function by VFIO: its group's node, or its own (kernel <c>drivers/vfio/group.c</c>, <c>device_cdev.c</c>).
/// </summary>
internal sealed class VfioUsage
{
    /// <summary>Where sysfs has the groups' nodes.</summary>
    public const string Groups = "/sys/devices/virtual/vfio/";

    private readonly ILookup<int, OpenFile> _groups;
    private readonly ILookup<DeviceId, OpenFile> _cdevs;
    private readonly List<string> _candidates;

    public VfioUsage(DeviceTree tree, ProcessSnapshot processes)
    {
        var open = processes
            .Open.Where(o => o.Number is { IsBlock: false })
            .Select(o => (File: o, Path: tree.PathOf(o.Number!.Value)))
            .Where(o => o.Path is not null)
            .ToList();
        _groups = open.Select(o => (o.File, Group: GroupOf(o.Path!)))
            .Where(o => o.Group is not null)
            .ToLookup(o => o.Group!.Value, o => o.File);
        _cdevs = open.Where(o => IsCdev(o.Path!))
            .SelectMany(o => tree.DevicesOn(o.Path!).Select(f => (Device: f, o.File)))
            .ToLookup(o => o.Device, o => o.File);
        _candidates =
        [
            .. processes
                .Open.Where(o => o.Target == OpenFile.VfioDevice)
                .Select(o => string.Create(CultureInfo.InvariantCulture, $"{o.Pid} ({o.Command})"))
                .Distinct(StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// Who holds a group, or a member of it, holds all of it, also members that have no VFIO node of their own (pci-stub): the host's
    /// driver cannot have them back meanwhile.
    /// </summary>
    /// <param name="group">Null where the host has no IOMMU: then nobody holds anything by VFIO.</param>
    public IEnumerable<DeviceUser> UsersOf(IommuGroup? group) =>
        group is null
            ? []
            : _groups[group.Number]
                .Concat(group.Members.SelectMany(m => _cdevs[m]))
                .Distinct()
                .Select(o => new DeviceUser(
                    UserKind.VfioHolder,
                    string.Create(CultureInfo.InvariantCulture, $"{o.Target} is held open by process {o.Pid} ({o.Command})")
                ));

    /// <summary>
    /// Of a group that is busy and that no process has open by its node: a VMM may close the node and keep the device, which then no number
    /// tells apart (contracts/kernel.md, "Who holds it").
    /// </summary>
    public string Nameless(IommuGroup group)
    {
        var who =
            _candidates.Count == 0
                ? ", and no process that can be seen has a VFIO device"
                : $"; candidates are the processes with a VFIO device: {string.Join(", ", _candidates)}";
        return string.Create(CultureInfo.InvariantCulture, $"IOMMU group {group.Number} is held{who}");
    }

    /// <summary><c>.../0000:46:00.0/vfio-dev/vfio0</c>.</summary>
    public static bool IsCdev(string path) => SysfsPath.LastName(SysfsPath.Parent(path)) == "vfio-dev";

    private static int? GroupOf(string path) =>
        path.StartsWith(Groups, StringComparison.Ordinal)
        && int.TryParse(SysfsPath.LastName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var group)
            ? group
            : null;
}
