using System.Runtime.InteropServices;

namespace Hostdev.Sandbox.Vfio;

/// <summary>The system calls and structures of &lt;linux/vfio.h&gt; and &lt;linux/iommufd.h&gt; that taking a device needs.</summary>
internal static unsafe partial class Kernel
{
    // Both headers number their requests with _IO(';', n): no direction, no size.
    private const uint Type = ';' << 8;

    public const uint GetApiVersion = Type | 100;
    public const uint SetIommu = Type | 102;
    public const uint GroupGetStatus = Type | 103;
    public const uint GroupSetContainer = Type | 104;
    public const uint GroupGetDevice = Type | 106;
    public const uint DeviceGetInfo = Type | 107;
    public const uint DeviceGetRegionInfo = Type | 108;
    public const uint DeviceSetIrqs = Type | 110;
    public const uint DeviceBindIommufd = Type | 118;
    public const uint DeviceAttachAddressSpace = Type | 119;
    public const uint IommufdAllocateAddressSpace = Type | 0x81;

    public const int ApiVersion = 0;
    public const int Type1V2 = 3;
    public const uint GroupIsViable = 1;
    public const uint DeviceCanReset = 1;
    public const uint ConfigRegion = 7;

    /// <summary>VFIO_PCI_REQ_IRQ_INDEX: signalled when the kernel wants the device back.</summary>
    public const uint RequestInterrupt = 4;

    /// <summary>VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER</summary>
    public const uint TriggerEventfd = (1 << 2) | (1 << 5);

    private const int EventfdCloseOnExec = 0x80000;

    private const int ReadWriteCloseOnExec = 0x2 | 0x80000;

    public static int Open(string path) => Open(path, ReadWriteCloseOnExec);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Ioctl(int descriptor, nuint request, nint argument);

    public static int Ioctl(int descriptor, uint request, void* argument) => Ioctl(descriptor, request, (nint)argument);

    [LibraryImport("libc", EntryPoint = "pread64", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint ReadAt(int descriptor, void* buffer, nuint count, long offset);

    /// <summary>eventfd(2), to be read by a blocking read of eight bytes.</summary>
    public static int Eventfd() => Eventfd(0, EventfdCloseOnExec);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Eventfd(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Read(int descriptor, void* buffer, nuint count);

    public static Errno LastErrno => new(Marshal.GetLastPInvokeError());

    /// <summary>struct vfio_group_status</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct GroupStatus
    {
        public uint Size;
        public uint Flags;
    }

    /// <summary>struct vfio_device_info, with the capability offset that newer kernels fill in.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct DeviceInfo
    {
        public uint Size;
        public uint Flags;
        public uint Regions;
        public uint Interrupts;
        public uint CapabilityOffset;
        public uint Padding;
    }

    /// <summary>struct vfio_region_info</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct RegionInfo
    {
        public uint Size;
        public uint Flags;
        public uint Index;
        public uint CapabilityOffset;
        public ulong Length;
        public ulong Offset;
    }

    /// <summary>struct vfio_irq_set with one descriptor as its data</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct InterruptSet
    {
        public uint Size;
        public uint Flags;
        public uint Index;
        public uint Start;
        public uint Count;
        public int Eventfd;
    }

    /// <summary>struct vfio_device_bind_iommufd</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct BindIommufd
    {
        public uint Size;
        public uint Flags;
        public int Iommufd;
        public uint DeviceId;
    }

    /// <summary>struct vfio_device_attach_iommufd_pt</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct AttachAddressSpace
    {
        public uint Size;
        public uint Flags;
        public uint AddressSpace;
    }

    /// <summary>struct iommu_ioas_alloc</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct AllocateAddressSpace
    {
        public uint Size;
        public uint Flags;
        public uint AddressSpace;
    }
}
