namespace Hostdev.Sandbox.Vfio;

/// <summary>
/// A device that was taken as a VMM takes it: attached to an address space, its config space readable. Disposing of it gives it back.
/// </summary>
public sealed class VfioDevice : IDisposable
{
    private readonly DescriptorStack descriptors;
    private readonly int descriptor;

    internal VfioDevice(DescriptorStack descriptors, int descriptor, DeviceFacts facts)
    {
        this.descriptors = descriptors;
        this.descriptor = descriptor;
        VendorId = facts.VendorId;
        DeviceId = facts.DeviceId;
        Regions = facts.Regions;
        Interrupts = facts.Interrupts;
        SupportsReset = facts.SupportsReset;
    }

    /// <summary>Read from the device's own config space; ffff means that the device does not answer.</summary>
    public ushort VendorId { get; }

    /// <summary>
    /// As a VM sees it: the hardware of a virtual function answers ffff for both, and vfio-pci puts its true identity there.
    /// </summary>
    public ushort DeviceId { get; }

    public int Regions { get; }

    public int Interrupts { get; }

    public bool SupportsReset { get; }

    /// <summary>
    /// Calls back, from a thread of its own, whenever the kernel asks for the device: what a VMM answers by unplugging it from its guest.
    /// </summary>
    /// <returns>Null when that is arranged.</returns>
    public unsafe Errno? OnRequest(Action asked)
    {
        var eventfd = Kernel.Eventfd();
        if (eventfd < 0)
            return Kernel.LastErrno;
        descriptors.Push(eventfd);
        var set = new Kernel.InterruptSet
        {
            Size = (uint)sizeof(Kernel.InterruptSet),
            Flags = Kernel.TriggerEventfd,
            Index = Kernel.RequestInterrupt,
            Count = 1,
            Eventfd = eventfd,
        };
        if (Kernel.Ioctl(descriptor, Kernel.DeviceSetIrqs, &set) < 0)
            return Kernel.LastErrno;
        new Thread(() => Listen(eventfd, asked)) { IsBackground = true, Name = "request" }.Start();
        return null;
    }

    public void Dispose() => descriptors.Dispose();

    private static unsafe void Listen(int eventfd, Action asked)
    {
        ulong count;
        while (Kernel.Read(eventfd, &count, sizeof(ulong)) == sizeof(ulong))
            asked();
    }
}

/// <summary>What the kernel says of a taken device.</summary>
internal readonly record struct DeviceFacts(ushort VendorId, ushort DeviceId, int Regions, int Interrupts, bool SupportsReset);
