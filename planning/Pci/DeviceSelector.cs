using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>Whether a policy's selectors match a function.</summary>
public static class DeviceSelector
{
    /// <summary>What hardware says of it alone: its driver and its slot, which have names, are <see cref="Sriov.Choosing"/>'s.</summary>
    public static bool MatchesHardware(PciProperties selector, PciFunction function) =>
        Is(selector.Vendor, function.Vendor)
        && Is(selector.Device, function.Device)
        && Is(selector.SubsystemVendor, function.SubsystemVendor)
        && Is(selector.SubsystemDevice, function.SubsystemDevice)
        && (selector.Class is not { } @class || @class.Matches(function.ClassCode))
        && (selector.Addresses.IsEmpty || selector.Addresses.Contains(function.Address));

    /// <summary>
    /// Physical functions only: a virtual function never matches. Interfaces and driver are <see cref="Sriov.Choosing"/>'s.
    /// </summary>
    public static bool MatchesHardware(PfSelector selector, PciFunction function) =>
        !function.IsVirtualFunction
        && Is(selector.Vendor, function.Vendor)
        && Is(selector.Device, function.Device)
        && (selector.Addresses.IsEmpty || selector.Addresses.Contains(function.Address));

    /// <summary>
    /// Whether a group member is the one that an entry of <c>members</c> names, counted from the selected function's slot.
    /// </summary>
    public static bool Names(GroupMember entry, PciFunction member, PciFunction selected) =>
        entry.Address is { } address ? member.Address == address
        : entry.Function is { } number ? member.Address == selected.Address with { Function = (byte)number }
        : Is(entry.Vendor, member.Vendor) && Is(entry.Device, member.Device);

    private static bool Is(PciId? wanted, PciId actual) => wanted is null || wanted == actual;
}
