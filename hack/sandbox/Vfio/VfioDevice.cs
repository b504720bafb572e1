namespace Hostdev.Sandbox.Vfio;

/// <summary>A device that was taken as a VMM takes it: attached to an address space, its config space readable. Disposing of it gives it back.</summary>
public sealed class VfioDevice : IDisposable
{
    private readonly DescriptorStack descriptors;

    internal VfioDevice(DescriptorStack descriptors, DeviceFacts facts)
    {
        this.descriptors = descriptors;
        VendorId = facts.VendorId;
        DeviceId = facts.DeviceId;
        Regions = facts.Regions;
        Interrupts = facts.Interrupts;
        SupportsReset = facts.SupportsReset;
    }

    /// <summary>Read from the device's own config space; ffff means that the device does not answer.</summary>
    public ushort VendorId { get; }

    /// <summary>As a VM sees it: the hardware of a virtual function answers ffff for both, and vfio-pci puts its true identity there.</summary>
    public ushort DeviceId { get; }

    public int Regions { get; }

    public int Interrupts { get; }

    public bool SupportsReset { get; }

    public void Dispose() => descriptors.Dispose();
}

/// <summary>What the kernel says of a taken device.</summary>
internal readonly record struct DeviceFacts(ushort VendorId, ushort DeviceId, int Regions, int Interrupts, bool SupportsReset);
