using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the USB devices below <c>/sys/bus/usb/devices</c>, hubs included, root hubs not (kernel
/// <c>Documentation/ABI/stable/sysfs-bus-usb</c>).
/// </summary>
internal sealed class UsbReader(HostFileReader files)
{
    private const string Devices = "/sys/bus/usb/devices";
    private const uint HubClass = 9;

    public ImmutableArray<UsbDevice> Read(ChildIndex children, List<ReadProblem> problems)
    {
        var names = files.List(Devices);
        var drivers = ReadInterfaceDrivers(names);
        var devices = ImmutableArray.CreateBuilder<UsbDevice>();
        foreach (var name in names.Where(SysfsPath.IsUsbPortPath))
        {
            var device = new DeviceFiles(files, files.ResolveLink($"{Devices}/{name}") ?? $"{Devices}/{name}");
            var usb = new UsbDevice
            {
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
                Drivers = [.. drivers[name].Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            };
            if (device.Settle(problems))
                devices.Add(usb);
        }

        return devices.ToImmutable();
    }

    /// <summary>Interfaces are called as their device, a colon, configuration and number: <c>1-4.2:1.0</c>.</summary>
    private ILookup<string, string> ReadInterfaceDrivers(IReadOnlyList<string> names) =>
        names
            .Where(n => n.Contains(':', StringComparison.Ordinal))
            .Select(n =>
                (
                    Device: n[..n.IndexOf(':', StringComparison.Ordinal)],
                    Driver: files.ReadLinkName($"{files.ResolveLink($"{Devices}/{n}")}/driver")
                )
            )
            .Where(i => i.Driver is not null)
            .ToLookup(i => i.Device, i => i.Driver!, StringComparer.Ordinal);
}
