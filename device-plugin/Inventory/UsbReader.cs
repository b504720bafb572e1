using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the USB devices below <c>/sys/bus/usb/devices</c>, hubs included, root hubs not (kernel
/// <c>Documentation/ABI/stable/sysfs-bus-usb</c>).
/// </summary>
internal sealed class UsbReader(HostFileReader files, DeviceNames devices)
{
    public const string Devices = "/sys/bus/usb/devices";

    /// <summary>As <c>bDeviceClass</c> reads.</summary>
    public const string HubClassText = "09";

    private const uint HubClass = 9;

    public ImmutableArray<UsbDevice> Read(ChildIndex children, List<ReadProblem> problems)
    {
        var names = files.List(Devices);
        var interfaces = names.ToLookup(n => n.Split(':')[0], StringComparer.Ordinal);
        var found = ImmutableArray.CreateBuilder<UsbDevice>();
        foreach (var name in names.Where(SysfsPath.IsUsbPortPath))
        {
            var device = new DeviceFiles(files, files.ResolveLink($"{Devices}/{name}") ?? $"{Devices}/{name}");
            if (devices.PortOf(device.Path) is not { } port)
            {
                problems.Add(new ReadProblem($"{Devices}/{name}", "has no controller on its path, so its socket has no name"));
                continue;
            }

            var usb = new UsbDevice
            {
                Port = port,
                PortPath = name,
                Vendor = device.Id("idVendor"),
                Product = device.Id("idProduct"),
                Manufacturer = device.Text("manufacturer", mayBeEmpty: true),
                ProductName = device.Text("product", mayBeEmpty: true),
                Serial = device.Text("serial"),
                BusNumber = device.RequiredInteger("busnum"),
                DeviceNumber = device.RequiredInteger("devnum"),
                IsHub = device.Hex("bDeviceClass") == HubClass,
                Controller = SysfsPath.NearestFunction(device.Path),
                Children = children.BelowUsb(name),
                Interfaces = [.. interfaces[name].Where(n => n != name).Select(n => ReadInterface(files, n))],
                Unreadable = device.DecidingProblems,
            };
            if (device.Settle(problems))
                found.Add(usb);
        }

        return found.ToImmutable();
    }

    /// <summary>Interfaces are called as their device, a colon, configuration and number: <c>1-4.2:1.0</c>.</summary>
    public static UsbInterface ReadInterface(HostFileReader files, string name)
    {
        var path = files.ResolveLink($"{Devices}/{name}") ?? $"{Devices}/{name}";
        return new UsbInterface(
            name[(name.IndexOf(':', StringComparison.Ordinal) + 1)..],
            (Code("bInterfaceClass") << 16) | (Code("bInterfaceSubClass") << 8) | Code("bInterfaceProtocol"),
            files.ReadLinkName($"{path}/driver")
        );

        uint Code(string file) =>
            uint.TryParse(files.ReadText($"{path}/{file}").Text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                ? code
                : 0;
    }
}
