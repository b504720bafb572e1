using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// IOMMU groups and <c>/sys/kernel/iommu_groups</c>. A number is free again when the last member is gone, and the next group takes the
/// lowest.
/// </summary>
internal sealed class IommuGroups(KernelCore core, bool enabled)
{
    public SortedDictionary<int, IommuGroupModel> ByNumber { get; } = [];

    public static string PathOf(IommuGroupModel group) =>
        string.Create(CultureInfo.InvariantCulture, $"/sys/kernel/iommu_groups/{group.Number}");

    /// <summary>Puts a new function into its group: that of what it is not isolated from, or one of its own.</summary>
    public void Join(PciDevice device, Func<PciDevice, PciDevice?> sharesWith)
    {
        if (!enabled)
            return;
        var group = sharesWith(device)?.Group ?? Create(name: null);
        group.Members.Add(device);
        device.Group = group;
        core.Tree.WriteLink($"{PathOf(group)}/devices/{device.Address}", device.Path);
        foreach (var line in device.Description.ReservedRegions)
        {
            group.ReservedRegions.Insert(0, line);
            core.Tree.WriteFile($"{PathOf(group)}/reserved_regions", string.Join('\n', group.ReservedRegions) + "\n", 0x124);
        }

        foreach (var (name, driver) in device.Description.PlatformSiblings)
            AddPlatformDevice(group, name, driver);
    }

    public IommuGroupModel Create(string? name)
    {
        var group = new IommuGroupModel(core.Indices.Take("iommu_group"));
        ByNumber.Add(group.Number, group);
        core.Tree.AddDirectory(
            PathOf(group),
            directory =>
            {
                directory.AddDirectory("devices");
                directory.WriteFile("type", name is null ? "DMA\n" : "unknown\n");
                directory.Attribute("reserved_regions", name is null ? string.Join('\n', group.ReservedRegions) : "");
                if (name is not null)
                    directory.Attribute("name", name);
            }
        );
        core.Attribute(PathOf(group) + "/type", _ => Errno.EBUSY);
        return group;
    }

    private void AddPlatformDevice(IommuGroupModel group, string name, string? driver)
    {
        var path = $"/sys/devices/platform/{name}";
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.WriteLink("iommu_group", PathOf(group));
                if (driver is not null)
                    directory.WriteLink("driver", $"/sys/bus/platform/drivers/{driver}");
            }
        );
        core.Tree.WriteLink($"{PathOf(group)}/devices/{name}", path);
        group.HasOtherUsers |= driver is not null;
    }

    public void Leave(PciDevice device)
    {
        if (device.Group is not { } group)
            return;
        core.Tree.Remove($"{PathOf(group)}/devices/{device.Address}");
        group.Members.Remove(device);
        device.Group = null;
        if (group.Members.Count == 0)
            Free(group);
    }

    public void Free(IommuGroupModel group)
    {
        core.DropAttributes(PathOf(group));
        core.Tree.Remove(PathOf(group));
        ByNumber.Remove(group.Number);
        core.Indices.Free("iommu_group", group.Number);
    }
}
