using Hostdev.Crds;
using Hostdev.Planning.Lending;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What is read of a device at the moment in which it is lent.</summary>
public interface ILentDevices
{
    /// <summary>
    /// The drivers that a USB device's interfaces have now; null for a device of another class, and for one that is gone.
    /// </summary>
    InterfaceDrivers? ReadInterfaceDrivers(DeviceId device);
}
