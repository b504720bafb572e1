using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Where drivers of USB interfaces are found and shown (kernel <c>Documentation/ABI/testing/sysfs-bus-usb</c>).</summary>
internal static class UsbFiles
{
    public static KernelFile DriversProbe { get; } = new("/sys/bus/usb/drivers_probe", "drivers_probe");

    /// <param name="name">Of the interface: <c>1-4.2:1.0</c>.</param>
    public static string DriverOf(string name) => $"/sys/bus/usb/devices/{name}/driver";
}
