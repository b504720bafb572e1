using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>An open descriptor of a <see cref="SimulatedProcess"/>; disposing it closes it.</summary>
public class SimulatedFile : IDisposable
{
    private bool _closed;

    /// <param name="file">Null for the machine's own file of that name.</param>
    internal SimulatedFile(SimulatedProcess process, string link, OpenedFile? file = null)
    {
        Process = process;
        Opened = file ?? OpenedFile.Of(process.Table.Core, link);
        Descriptor = process.AddFile(this, link);
    }

    public int Descriptor { get; }

    internal OpenedFile Opened { get; }

    public SimulatedProcess Process { get; }

    public void Close() => Process.Table.Core.Locked(CloseLocked);

    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    internal void CloseLocked()
    {
        if (_closed)
            return;
        _closed = true;
        Process.RemoveFile(Descriptor);
        OnClose();
    }

    private protected virtual void OnClose() { }
}

/// <summary><c>/dev/vfio/GROUP</c>.</summary>
public sealed class SimulatedGroupFile : SimulatedFile
{
    private readonly IommuGroupModel _group;
    private readonly VfioGroup _node;
    private int _devices;
    private bool _attached;
    private bool _closing;

    internal SimulatedGroupFile(SimulatedProcess process, IommuGroupModel group, VfioGroup node)
        : base(process, node.Node)
    {
        _group = group;
        _node = node;
    }

    /// <summary>
    /// VFIO_GROUP_SET_CONTAINER and VFIO_SET_IOMMU: EPERM while the group is not viable or its interrupts are not isolated, EINVAL when it
    /// has one or has direct regions.
    /// </summary>
    public Errno SetContainer() =>
        Process.Table.Core.Locked(() =>
        {
            if (_attached)
                return Errno.EINVAL;
            if (!_group.IsViable || !Process.Table.Core.GivesDevices("vfio_iommu_type1"))
                return Errno.EPERM;
            if (_group.IsDirect)
                return Errno.EINVAL;
            _attached = true;
            _group.DmaOwners++;
            return Errno.None;
        });

    /// <summary>VFIO_GROUP_GET_DEVICE_FD: ENODEV for a member that is not on a vfio driver (pci-stub), EINVAL without container.</summary>
    public (Errno Error, SimulatedDeviceFile? File) OpenDevice(string device) =>
        Process.Table.Core.Locked(() =>
        {
            if (!_attached)
                return (Errno.EINVAL, (SimulatedDeviceFile?)null);
            if (_node.Devices.Find(candidate => candidate.Name == device && !candidate.Leaving) is not { } found)
                return (Errno.ENODEV, null);
            if (found.RefusesOpen() is { } refused)
                return (refused, null);
            _devices++;
            return (Errno.None, new SimulatedDeviceFile(Process, found, this));
        });

    internal void DeviceClosed()
    {
        _devices--;
        if (_closing)
            Release();
    }

    private protected override void OnClose()
    {
        _closing = true;
        Release();
    }

    /// <summary>A device descriptor keeps the group: only with the last of them is it free.</summary>
    private void Release()
    {
        if (_devices > 0)
            return;
        _node.Holder = null;
        if (_attached)
            _group.DmaOwners--;
        _attached = false;
    }
}

/// <summary>A device taken over its group: <c>anon_inode:[vfio-device]</c>.</summary>
public sealed class SimulatedDeviceFile : SimulatedFile
{
    private readonly VfioDevice _device;
    private readonly VfioHold _hold;

    internal SimulatedDeviceFile(SimulatedProcess process, VfioDevice device, SimulatedGroupFile group)
        : base(process, "anon_inode:[vfio-device]")
    {
        _device = device;
        Group = group;
        _hold = new VfioHold(process.Name, () => process.Requests++);
        device.Holds.Add(_hold);
    }

    public SimulatedGroupFile Group { get; }

    private protected override void OnClose()
    {
        _device.Holds.Remove(_hold);
        Group.DeviceClosed();
    }
}

/// <summary><c>/dev/vfio/devices/vfioN</c>.</summary>
public sealed class SimulatedCdevFile : SimulatedFile
{
    private readonly VfioDevice _device;
    private VfioHold _hold;
    private bool _bound;

    internal SimulatedCdevFile(SimulatedProcess process, VfioDevice device)
        : base(process, "/dev/vfio/devices/" + device.Cdev)
    {
        _device = device;
        _hold = new VfioHold(process.Name, Request: null);
        device.Holds.Add(_hold);
    }

    /// <summary>
    /// VFIO_DEVICE_BIND_IOMMUFD: EBUSY while the group is open, EINVAL when this or another descriptor has bound it, EPERM while the group
    /// is not viable or its interrupts are not isolated.
    /// </summary>
    public Errno BindIommufd() =>
        Process.Table.Core.Locked(() =>
        {
            if (_bound)
                return Errno.EINVAL;
            if (_device.Node.Holder is not null)
                return Errno.EBUSY;
            if (_device.Holds.Exists(hold => hold.Request is not null))
                return Errno.EINVAL;
            if (!_device.Group.IsViable || !Process.Table.Core.GivesDevices("iommufd"))
                return Errno.EPERM;
            _bound = true;
            _device.Holds.Remove(_hold);
            _hold = new VfioHold(Process.Name, () => Process.Requests++);
            _device.Holds.Add(_hold);
            _device.Node.BoundCdevs++;
            _device.Group.DmaOwners++;
            return Errno.None;
        });

    private protected override void OnClose()
    {
        _device.Holds.Remove(_hold);
        if (!_bound)
            return;
        _device.Node.BoundCdevs--;
        _device.Group.DmaOwners--;
    }
}
