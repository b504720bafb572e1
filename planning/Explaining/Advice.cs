using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Explaining;

/// <summary>
/// What helps where a message's own remedy may not: what an admin does to the host before Hostdev has to do with the device. What makes
/// the host less safe is never among it.
/// </summary>
internal static class Advice
{
    /// <param name="findings">What is in the way of the device, or said of it.</param>
    public static ImmutableArray<string> Of(PlanningInput input, DeviceId device, ImmutableArray<Finding> findings)
    {
        var reasons = findings.Where(f => f.State.IsInTheWay).Select(f => f.Reason).ToHashSet();
        return device.AsPci is { } address && input.Inventory.Functions.TryGetValue(address, out var function)
            ? [.. ((string?[])[EarlyBinding(input, function, reasons), Isolation(input, function, reasons)]).OfType<string>()]
            : [];
    }

    /// <summary>A host driver that does not let go is kept from ever having the device.</summary>
    private static string? EarlyBinding(PlanningInput input, PciFunction function, HashSet<Reason> reasons)
    {
        var isKept = input
            .Usage.UsersOf(function.Address)
            .Any(u => u.Kind is UserKind.KernelWaits or UserKind.Unknown || (u.Kind == UserKind.Console && IsDisplay(function)));
        var doesNotLetGo =
            reasons.Contains(Reasons.StepFailed) || reasons.Contains(Reasons.StepTimedOut) || reasons.Contains(Risks.SlowUnbind.Reason);
        if (
            (!isKept && !doesNotLetGo)
            || reasons.Count == 0
            || function.IsVirtualFunction
            || function.Driver is not { } driver
            || input.Inventory.Facts.PassthroughDrivers.Contains(driver)
        )
            return null;
        var ids = $"{function.Vendor}:{function.Device}";
        var alike = input.Inventory.Functions.Values.Count(f => (f.Vendor, f.Device) == (function.Vendor, function.Device));
        return $"so that {driver} never has it: boot with vfio-pci.ids={ids}; where vfio-pci is a module, write \"options vfio-pci "
            + $"ids={ids}\" and \"softdep {driver} pre: vfio-pci\" to a file in /etc/modprobe.d instead and make the initramfs anew"
            + (
                alike > 1
                    ? string.Create(CultureInfo.InvariantCulture, $" (that keeps all {alike} functions with these ids from the host)")
                    : ""
            );
    }

    /// <summary>The kernel's console goes to another card then; one on a serial port has nowhere to go.</summary>
    private static bool IsDisplay(PciFunction function) => function.ClassCode >> 16 == 0x03;

    /// <summary>Groups are as the hardware isolates.</summary>
    private static string? Isolation(PlanningInput input, PciFunction function, HashSet<Reason> reasons) =>
        (
            reasons.Contains(Reasons.UndeclaredSiblings)
            || reasons.Contains(Reasons.VfsNotIsolated)
            || reasons.Contains(Reasons.GroupNotViable)
        )
        && input.Inventory.GroupOf(function) is { } group
        && group.Members.Any(m => IsOtherSlot(m, function.Address))
            ? $"IOMMU group {group.Number} holds more than one slot, because nothing between them isolates: ACS switched on in the "
                + "firmware, or another slot, may part it, though not behind a conventional PCI bridge; a kernel that is made to claim it "
                + "(pcie_acs_override) does not"
            : null;

    private static bool IsOtherSlot(PciAddress one, PciAddress other) => one.SlotName != other.SlotName;
}
