using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;

namespace Hostdev.Planning.Usb;

/// <summary>USB devices, each by the socket that it is in.</summary>
internal static class UsbPlanner
{
    /// <summary>An unmodified KubeVirt opens the node as this user, and cannot change its owner (contracts/kubevirt.md, 8).</summary>
    private static readonly DeviceFile s_kubeVirts = new() { Uid = 107, Gid = 107 };

    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfHostDevice policy, UsbDevices usb)
    {
        var matching = situation.Inventory.UsbDevices.Where(d => usb.Selectors.Any(s => Matches(s, d))).DistinctBy(d => d.Port).ToList();
        var devices = matching.Where(d => !d.IsHub).ToList();
        return new PolicyWishes
        {
            Matched = devices.Count,
            Hint = devices.Count == 0 ? Hint(situation, matching) : null,
            Wishes =
            [
                .. devices
                    .OrderBy(d => d.Port)
                    .Select(d => LoanPlanner.WishFor(CaseOf(situation, policy, usb, d), Checks, policy.Spec.DeviceFile ?? s_kubeVirts)),
            ],
        };
    }

    public static bool Matches(UsbSelector selector, UsbDevice device) =>
        (selector.Vendor is not { } vendor || vendor == device.Vendor)
        && (selector.Product is not { } product || product == device.Product)
        && (selector.Serial is null || selector.Serial == device.Serial)
        && (selector.Port is null || (UsbPort.TryParse(selector.Port, out var port) && port == device.Port));

    private static LoanCase CaseOf(Situation situation, DesiredPolicy.OfHostDevice policy, UsbDevices usb, UsbDevice device) =>
        new(situation, policy, new Handout.UsbNode { Port = device.Port, Identity = device.Identity })
        {
            Unreadable = device.Unreadable,
            PassesOver = usb.Selectors.Where(s => Matches(s, device)).All(s => s.OnProtected == OnProtected.PassOver),
            Called = $"{device.PortPath}, {device.Vendor}:{device.Product}{Spaced(device.ProductName)}",
        };

    private static Checks<LoanCase> Checks { get; } = new([]);

    /// <summary>What there is, for a policy that matches nothing.</summary>
    private static string Hint(Situation situation, List<UsbDevice> hubs)
    {
        if (hubs.Count > 0)
            return $": {hubs[0].Port} is a hub, which is given to nobody; name what is in its ports";
        var there = situation.Inventory.UsbDevices.Where(d => !d.IsHub).OrderBy(d => d.Port).ToList();
        return there.Count == 0
            ? ": nothing is plugged into its USB ports"
            : string.Create(CultureInfo.InvariantCulture, $", which has {there.Count} on USB: ")
                + string.Join(", ", there.Take(8).Select(d => $"{d.Port} ({d.Vendor}:{d.Product})"));
    }

    private static string Spaced(string? text) => string.IsNullOrEmpty(text) ? "" : " " + text;
}
