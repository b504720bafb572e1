using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// What the host goes without beside the functions that a policy names: an admin who asks for a graphics card may not know that the disks
/// go with it.
/// </summary>
internal static class HostLoss
{
    /// <summary>One sentence; null when nothing that the host drives goes with it.</summary>
    public static string? InWords(Situation situation, UnitRequest request, GroupShape shape)
    {
        var lost = shape
            .Others.Concat(shape.Carried)
            .OrderBy(f => f.Address)
            .Select(f => (Function: f, Driver: situation.HostDriver(f)))
            .Where(l => l.Driver is { } driver && !situation.Inventory.Facts.PassthroughDrivers.Contains(driver))
            .Select(l => Describe(l.Function, l.Driver!))
            .ToList();
        return lost.Count == 0
            ? null
            : $"{request.Resource}: with {string.Join(", ", shape.Selected.Select(f => f.Address))} the host "
                + $"loses {string.Join(", ", lost)}";
    }

    private static string Describe(PciFunction function, string driver)
    {
        var children = function.Children.Where(c => c.Kind is ChildKind.Disk or ChildKind.NetworkInterface).Select(c => c.Name).ToList();
        var name = function.DeviceName ?? $"{function.Vendor}:{function.Device}";
        return $"{function.Address} ({PciClasses.Name(function.ClassCode)} {name}, driver "
            + $"{driver}{(children.Count == 0 ? "" : $", with {string.Join(' ', children)}")})";
    }
}
