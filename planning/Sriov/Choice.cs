using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// A function that a policy has in force and chose by a property that software can change: what it was when it was chosen. It stays chosen
/// as long as the policy asks for these names, whatever the function is called now: a rename destroys nothing. Kept on disk, over reboots
/// too, since it is a reboot that changes names most.
/// </summary>
/// <param name="PolicyUid">Whose choice it is.</param>
/// <param name="Vendor">With <paramref name="Device"/>: other hardware at the address is another function.</param>
public sealed record Choice(string PolicyUid, PciAddress Address, PciId Vendor, PciId Device)
{
    /// <summary><c>vendor:device</c>.</summary>
    public string Ids => $"{Vendor}:{Device}";

    /// <summary>The network interface by which it was chosen; null when not by that.</summary>
    public string? Interface { get; init; }

    /// <summary>The driver by which it was chosen; null when not by that.</summary>
    public string? Driver { get; init; }

    /// <summary>
    /// The physical slot by which it was chosen, which is a name that firmware and hotplug drivers give; null when not by that.
    /// </summary>
    public string? Slot { get; init; }

    /// <exception cref="FormatException">One of them cannot be understood.</exception>
    public static Choice Parse(string policyUid, string address, string ids) =>
        ids.Split(':') is [var vendor, var device]
            ? new Choice(policyUid, PciAddress.Parse(address), PciId.Parse(vendor), PciId.Parse(device))
            : throw new FormatException($"ids of {address} is \"{ids}\" and not vendor:device");

    public bool IsOf(PciFunction function) => function.Address == Address && function.Vendor == Vendor && function.Device == Device;
}
