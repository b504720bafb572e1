using System.Text;

namespace Hostdev.Sandbox.Vfio;

/// <summary>
/// Takes a device all the way as a VMM does, up to a read of its config space: the proof that what the agent hands out can be used. Kernel:
/// <c>Documentation/driver-api/vfio.rst</c>, "VFIO Usage Example" (by group) and "IOMMUFD and vfio_iommu_type1" (by character device).
/// </summary>
public static unsafe class VfioTaker
{
    public const string ContainerPath = "/dev/vfio/vfio";
    public const string IommufdPath = "/dev/iommu";

    /// <summary>Takes a device by its group, as VMMs do on kernels without IOMMUFD.</summary>
    /// <param name="groupPath"><c>/dev/vfio/GROUP</c>.</param>
    /// <param name="device">The PCI address, or the UUID of an mdev.</param>
    public static TakeResult TakeGroup(string groupPath, string device)
    {
        using var attempt = new Attempt();
        var facts = default(DeviceFacts);
        var descriptor = -1;
        var taken =
            attempt.Open(TakeStep.OpenContainer, ContainerPath, out var container)
            && attempt.Step(TakeStep.GetApiVersion, ContainerPath, ApiVersionError(container))
            && attempt.Open(TakeStep.OpenGroup, groupPath, out var group)
            && ReadGroupStatus(attempt, group, groupPath)
            && attempt.Call(TakeStep.SetContainer, groupPath, group, Kernel.GroupSetContainer, &container)
            && attempt.Step(
                TakeStep.SetIommu,
                ContainerPath,
                Kernel.Ioctl(container, Kernel.SetIommu, Kernel.Type1V2) < 0 ? Kernel.LastErrno : null
            )
            && OpenDevice(attempt, group, device, out descriptor)
            && ReadFacts(attempt, descriptor, device, out facts);
        return attempt.End(taken, descriptor, facts);
    }

    /// <summary>Takes a device by its character device and IOMMUFD.</summary>
    /// <param name="cdevPath"><c>/dev/vfio/devices/vfioN</c>.</param>
    public static TakeResult TakeCdev(string cdevPath)
    {
        using var attempt = new Attempt();
        var facts = default(DeviceFacts);
        var descriptor = -1;
        var taken =
            attempt.Open(TakeStep.OpenIommufd, IommufdPath, out var iommufd)
            && attempt.Open(TakeStep.OpenCdev, cdevPath, out descriptor)
            && Bind(attempt, descriptor, cdevPath, iommufd)
            && Attach(attempt, descriptor, cdevPath, iommufd)
            && ReadFacts(attempt, descriptor, cdevPath, out facts);
        return attempt.End(taken, descriptor, facts);
    }

    private static Errno? ApiVersionError(int container)
    {
        var version = Kernel.Ioctl(container, Kernel.GetApiVersion, 0);
        return version < 0 ? Kernel.LastErrno
            : version == Kernel.ApiVersion ? null
            : Errno.EINVAL;
    }

    // A group that is not viable is noted and tried all the same: the kernel's own refusal is what callers want to see.
    private static bool ReadGroupStatus(Attempt attempt, int group, string groupPath)
    {
        var status = new Kernel.GroupStatus { Size = (uint)sizeof(Kernel.GroupStatus) };
        if (!attempt.Call(TakeStep.GetGroupStatus, groupPath, group, Kernel.GroupGetStatus, &status))
            return false;
        attempt.GroupViable = (status.Flags & Kernel.GroupIsViable) != 0;
        return true;
    }

    private static bool OpenDevice(Attempt attempt, int group, string device, out int descriptor)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(device + '\0'))
        {
            descriptor = Kernel.Ioctl(group, Kernel.GroupGetDevice, name);
        }

        return attempt.Keep(TakeStep.GetDevice, device, descriptor);
    }

    private static bool Bind(Attempt attempt, int descriptor, string cdevPath, int iommufd)
    {
        var bind = new Kernel.BindIommufd { Size = (uint)sizeof(Kernel.BindIommufd), Iommufd = iommufd };
        return attempt.Call(TakeStep.BindIommufd, cdevPath, descriptor, Kernel.DeviceBindIommufd, &bind);
    }

    private static bool Attach(Attempt attempt, int descriptor, string cdevPath, int iommufd)
    {
        var allocate = new Kernel.AllocateAddressSpace { Size = (uint)sizeof(Kernel.AllocateAddressSpace) };
        if (!attempt.Call(TakeStep.AllocateAddressSpace, IommufdPath, iommufd, Kernel.IommufdAllocateAddressSpace, &allocate))
            return false;
        var attach = new Kernel.AttachAddressSpace { Size = (uint)sizeof(Kernel.AttachAddressSpace), AddressSpace = allocate.AddressSpace };
        return attempt.Call(TakeStep.AttachAddressSpace, cdevPath, descriptor, Kernel.DeviceAttachAddressSpace, &attach);
    }

    private static bool ReadFacts(Attempt attempt, int descriptor, string device, out DeviceFacts facts)
    {
        facts = default;
        var info = new Kernel.DeviceInfo { Size = (uint)sizeof(Kernel.DeviceInfo) };
        if (!attempt.Call(TakeStep.GetDeviceInfo, device, descriptor, Kernel.DeviceGetInfo, &info))
            return false;
        var config = new Kernel.RegionInfo { Size = (uint)sizeof(Kernel.RegionInfo), Index = Kernel.ConfigRegion };
        if (!attempt.Call(TakeStep.GetConfigRegion, device, descriptor, Kernel.DeviceGetRegionInfo, &config))
            return false;
        Span<ushort> ids = [0, 0];
        fixed (ushort* buffer = ids)
        {
            var read = Kernel.ReadAt(descriptor, buffer, 4, (long)config.Offset);
            if (
                !attempt.Step(
                    TakeStep.ReadConfig,
                    device,
                    read == 4 ? null
                        : read < 0 ? Kernel.LastErrno
                        : Errno.EINVAL
                )
            )
                return false;
        }

        facts = new DeviceFacts(ids[0], ids[1], (int)info.Regions, (int)info.Interrupts, (info.Flags & Kernel.DeviceCanReset) != 0);
        return true;
    }

    /// <summary>
    /// One attempt: the first step that fails is its result. What it opened is closed at its end, unless a taken device has it.
    /// </summary>
    private sealed class Attempt : IDisposable
    {
        private DescriptorStack descriptors = new();
        private TakeResult.Failed? failure;

        public bool? GroupViable { get; set; }

        public bool Step(TakeStep step, string path, Errno? error)
        {
            if (error is { } errno)
                failure = new TakeResult.Failed(step, path, errno, GroupViable);
            return error is null;
        }

        public bool Call(TakeStep step, string path, int descriptor, uint request, void* argument) =>
            Step(step, path, Kernel.Ioctl(descriptor, request, argument) < 0 ? Kernel.LastErrno : null);

        public bool Open(TakeStep step, string path, out int descriptor) => Keep(step, path, descriptor = Kernel.Open(path));

        public bool Keep(TakeStep step, string path, int descriptor)
        {
            if (!Step(step, path, descriptor < 0 ? Kernel.LastErrno : null))
                return false;
            descriptors.Push(descriptor);
            return true;
        }

        public TakeResult End(bool taken, int descriptor, DeviceFacts facts)
        {
            if (!taken)
                return failure!;
            var device = new VfioDevice(descriptors, descriptor, facts);
            descriptors = new DescriptorStack();
            return new TakeResult.Taken(device);
        }

        public void Dispose() => descriptors.Dispose();
    }
}
