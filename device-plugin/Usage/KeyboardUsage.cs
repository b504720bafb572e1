using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Whether a USB device is how people get at this host: its last keyboard, where somebody can log in at a virtual terminal, or what a
/// management controller (BMC) plugs in for those who are far away. A security key and a scanner are keyboards too, and are given away like
/// any other that is not the last one.
/// </summary>
/// <param name="isGiven">Whether a pod has a device.</param>
internal sealed class KeyboardUsage(
    HostFileReader files,
    HostInventory inventory,
    ProcessSnapshot processes,
    KernelConsoles consoles,
    Func<DeviceId, bool> isGiven
)
{
    /// <summary>HID, boot interface, keyboard (USB HID 1.11, 4.2 and 4.3).</summary>
    private const uint KeyboardClass = 0x030101;

    /// <summary>Kernel <c>Documentation/admin-guide/devices.txt</c>: 4, 1 to 63 are virtual consoles.</summary>
    private const uint TerminalMajor = 4;
    private const uint LastTerminal = 63;

    /// <summary>
    /// By usb.ids: all that American Megatrends makes is a controller's (Virtual Hub, Keyboard, CDROM, HDisk, Ethernet); of others the
    /// devices are named. ASPEED's boards of other makers have one of these.
    /// </summary>
    private static readonly HashSet<UsbIdentity> s_virtual =
    [
        Known(0x0624, 0x0248), // Avocent Virtual Hub
        Known(0x0624, 0x0249), // Avocent Virtual Keyboard/Mouse
        Known(0x0624, 0x0251), // Avocent Virtual Mass Storage
        Known(0x0557, 0x2419), // ATEN Virtual mouse/keyboard device, on boards of Supermicro
        Known(0x03f0, 0x7029), // Hewlett Packard Virtual Keyboard, of iLO
    ];

    private static readonly PciId s_megatrends = new(0x046b);

    /// <summary>Of what terminals a node is, among the files that processes have open.</summary>
    public static bool IsTerminal(DeviceNumber number) =>
        number is { IsBlock: false, Major: TerminalMajor, Minor: > 0 and <= LastTerminal };

    public IEnumerable<DeviceUser> UsersOf(UsbDevice usb)
    {
        if (usb.Vendor == s_megatrends || s_virtual.Contains(Known(usb.Vendor.Value, usb.Product.Value)))
        {
            yield return new DeviceUser(
                UserKind.Console,
                $"it is the management controller's ({usb.Vendor}:{usb.Product}), by which people who are far away get at this host"
            );
        }

        if (IsInUse(usb) && Terminal is { } terminal && !AnotherKeyboardStays(usb))
            yield return new DeviceUser(UserKind.Console, $"it is this host's last keyboard, and {terminal}");
    }

    /// <summary>Why somebody may type at a virtual terminal; null when nobody can.</summary>
    private string? Terminal =>
        field ??=
            consoles.Names.FirstOrDefault(IsVirtualTerminal) is { } console ? $"the kernel's console is on {console}"
            : processes.Open.FirstOrDefault(o => o.Number is { } n && IsTerminal(n)) is { } open ? $"{open.Target} is {open.InProcess}"
            : null;

    private static bool IsVirtualTerminal(string name) =>
        name.Length > 3 && name.StartsWith("tty", StringComparison.Ordinal) && name.AsSpan(3).IndexOfAnyExceptInRange('0', '9') < 0;

    private bool AnotherKeyboardStays(UsbDevice usb) =>
        inventory.UsbDevices.Any(o => o.Port != usb.Port && IsInUse(o) && !isGiven(o.Port))
        // Kernel drivers/input/keyboard/atkbd.c: a keyboard at the board's own port.
        || files.List("/sys/bus/serio/drivers/atkbd").Any(n => n.StartsWith("serio", StringComparison.Ordinal));

    /// <summary>Without a driver of the host's nobody can type on it.</summary>
    private static bool IsInUse(UsbDevice usb) =>
        usb.Interfaces.Any(i => i is { Class: KeyboardClass, Driver: not null, IsClaimed: false });

    private static UsbIdentity Known(ushort vendor, ushort product) => new(new PciId(vendor), new PciId(product), null);
}
