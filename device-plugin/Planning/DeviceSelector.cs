using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>Whether a policy's selectors match a function.</summary>
public static class DeviceSelector
{
    /// <param name="hostDriver">The driver before Hostdev took the device: a policy that selects by driver must still match what it has taken.</param>
    public static bool Matches(PciSelector selector, PciFunction function, string? hostDriver) =>
        Is(selector.Vendor, function.Vendor)
        && Is(selector.Device, function.Device)
        && Is(selector.SubsystemVendor, function.SubsystemVendor)
        && Is(selector.SubsystemDevice, function.SubsystemDevice)
        && (selector.Class is not { } @class || @class.Matches(function.ClassCode))
        && (selector.Addresses.IsEmpty || selector.Addresses.Contains(function.Address))
        && (selector.Slot is null || selector.Slot == function.Slot)
        && (selector.Driver is null || selector.Driver == hostDriver);

    /// <summary>Physical functions only: a virtual function never matches.</summary>
    public static bool Matches(PfSelector selector, PciFunction function) =>
        !function.IsVirtualFunction
        && Is(selector.Vendor, function.Vendor)
        && Is(selector.Device, function.Device)
        && (selector.Addresses.IsEmpty || selector.Addresses.Contains(function.Address))
        && (selector.Driver is null || selector.Driver == function.Driver)
        && (selector.Interfaces.IsEmpty || function.Children.Any(c => c.Kind == ChildKind.NetworkInterface && selector.Interfaces.Contains(c.Name)));

    /// <summary>Whether a group member is the one that an entry of <c>members</c> names, counted from the selected function's slot.</summary>
    public static bool Names(GroupMember entry, PciFunction member, PciFunction selected) =>
        entry.Address is { } address ? member.Address == address
        : entry.Function is { } number ? member.Address == selected.Address with { Function = (byte)number }
        : Is(entry.Vendor, member.Vendor) && Is(entry.Device, member.Device);

    private static bool Is(PciId? wanted, PciId actual) => wanted is null || wanted == actual;
}
