using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>PCI functions and the groups that they are in, in lines.</summary>
internal static class PciText
{
    /// <returns>Null where it is not there.</returns>
    public static IEnumerable<string>? Describe(PciAddress address, HostInventory inventory) =>
        inventory.Functions.TryGetValue(address, out var function) ? Describe(function, inventory) : null;

    /// <summary>A function, and what of it people know by name: its disks and interfaces.</summary>
    public static string Named(PciFunction function)
    {
        var children = function.Children.Where(c => c.Kind is ChildKind.Disk or ChildKind.NetworkInterface).Select(c => c.Name).ToList();
        return $"{function.Address}{(children.Count == 0 ? "" : $" (with {string.Join(' ', children)})")}";
    }

    private static IEnumerable<string> Describe(PciFunction function, HostInventory inventory)
    {
        var group = inventory.GroupOf(function);
        string?[] title = [function.Address.ToString(), $"{function.Vendor}:{function.Device}", function.VendorName, function.DeviceName];
        yield return string.Join(' ', title.Where(t => t is not null));
        yield return $"driver: {function.Driver ?? "none"}";
        yield return $"IOMMU group: {Members(inventory, group)}";
        var regions = string.Join(", ", group?.DirectRegions ?? []);
        if (regions.Length > 0)
            yield return $"direct regions of the group: {regions}";
        foreach (var line in MdevText.MadeOn(function.Address, inventory))
            yield return line;
    }

    private static string Members(HostInventory inventory, IommuGroup? group)
    {
        if (group is null)
            return "none";
        var members = group.Members.Select(a => Member(inventory, a)).Concat(group.OtherMembers.Select(m => Member(m)));
        return $"{group.Number} with {string.Join(", ", members)}";
    }

    private static string Member(HostInventory inventory, PciAddress address) =>
        inventory.Functions.TryGetValue(address, out var f)
            ? $"{address} ({(f.IsBridge ? "bridge" : f.Driver ?? "no driver")})"
            : address.ToString();

    private static string Member(OtherGroupMember member) => $"{member.Name} ({member.Driver ?? "no driver"})";
}
