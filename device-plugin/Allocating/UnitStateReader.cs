using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>Reads how a unit really stands, for an answer that must be right now. A few links and files; never the whole machine.</summary>
public sealed class UnitStateReader(HostPaths paths) : ILentDevices
{
    private readonly HostFileReader _files = new(paths);

    public UnitState Read(Handout handout) =>
        handout switch
        {
            Handout.VfioGroup group => GroupState.Stand(group, ReadGroup),
            Handout.TypedFunction typed => ReadTyped(typed.Function.Address).Stand(typed),
            Handout.UsbNode usb => ReadUsb(usb.Port).Stand(usb),
            Handout.ScsiNode scsi => ReadScsi(scsi.Disk).Stand(scsi),
            Handout.MediatedDevice mdev => ReadMdev(mdev.Uuid).Stand(mdev),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private TypedFunctionState ReadTyped(PciAddress address)
    {
        var current = _files.ReadText(Device(address) + "/nvidia/current_vgpu_type").Text;
        return new TypedFunctionState(ReadGroup(address), current is not null && Vgpu.TryParseCurrent(current, out var type) ? type : null);
    }

    private UsbState ReadUsb(UsbPort port)
    {
        if (new DeviceFinder(_files).Usb(port) is not { } path)
            return UsbState.Nothing;
        string? Text(string name) => _files.ReadText($"{path}/{name}").Text;
        return
            PciId.TryParse(Text("idVendor"), out var vendor)
            && PciId.TryParse(Text("idProduct"), out var product)
            && int.TryParse(Text("busnum"), NumberStyles.None, CultureInfo.InvariantCulture, out var bus)
            && int.TryParse(Text("devnum"), NumberStyles.None, CultureInfo.InvariantCulture, out var device)
            ? new UsbState(new UsbIdentity(vendor, product, Text("serial")), bus, device, SysfsPath.LastName(path))
            : UsbState.Nothing;
    }

    private ScsiState ReadScsi(ScsiDisk disk)
    {
        if (new DeviceFinder(_files).Scsi(disk) is not [var path, .. var others])
            return ScsiState.Nothing;
        string? Node(string directory) => _files.List($"{path}/{directory}").Select(n => "/dev/" + n).FirstOrDefault();
        return new ScsiState(SysfsPath.LastName(path), Node("scsi_generic"), Node("block"))
        {
            OtherPaths = [.. others.Select(SysfsPath.LastName)],
        };
    }

    private MdevState ReadMdev(MdevUuid uuid)
    {
        var device = $"/sys/bus/mdev/devices/{uuid}";
        var number = _files.ReadLinkName($"{device}/iommu_group");
        return new MdevState(
            _files.ReadLinkName($"{device}/mdev_type"),
            int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var group) ? group : null
        );
    }

    public InterfaceDrivers? ReadInterfaceDrivers(DeviceId device)
    {
        if (device is not DeviceId.OfUsb(var port) || new DeviceFinder(_files).Usb(port) is not { } path)
            return null;
        var prefix = SysfsPath.LastName(path) + ":";
        var interfaces = _files.List(path).Where(n => n.StartsWith(prefix, StringComparison.Ordinal));
        return InterfaceDrivers.Of(interfaces.Select(n => UsbReader.ReadInterface(_files, n)));
    }

    /// <summary>The group of one function, with all its members.</summary>
    public GroupState ReadGroup(PciAddress primary)
    {
        if (
            _files.ReadLinkName(Device(primary) + "/iommu_group") is not { } name
            || !int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var group)
        )
        {
            return new GroupState(
                null,
                ImmutableSortedDictionary<PciAddress, string?>.Empty,
                ImmutableSortedDictionary<PciAddress, string>.Empty
            );
        }

        var members = ImmutableSortedDictionary.CreateBuilder<PciAddress, string?>();
        var cdevs = ImmutableSortedDictionary.CreateBuilder<PciAddress, string>();
        var ownDma = OwnDmaDrivers.Read(_files).ToList();
        List<(PciAddress Address, string? Driver)> bridges = [];
        PciAddress? silent = null;
        foreach (var entry in _files.List($"/sys/kernel/iommu_groups/{group}/devices"))
        {
            if (!PciAddress.TryParse(entry, out var address))
                continue;
            var driver = _files.ReadLinkName(Device(address) + "/driver");
            if (IsBridge(address))
            {
                bridges.Add((address, driver));
                continue;
            }

            members[address] = driver;
            if (driver is not null && !ConfigHeader.Answers(_files.ReadHexBlocking(Device(address) + "/config", ConfigHeader.Bytes)))
                silent ??= address;
            // The directory is there on kernels without cdevs too; only a dev file means a node (contracts/kernel.md, Binding).
            var cdev = _files.List(Device(address) + "/vfio-dev") is [var first, ..] ? first : null;
            if (cdev is not null && driver is not null)
                ownDma.Add(driver);
            if (cdev is not null && _files.Exists($"{Device(address)}/vfio-dev/{cdev}/dev"))
                cdevs[address] = cdev;
        }

        var unsafeBridge = bridges
            .Select(b => GroupViability.BridgeProblem(b.Address, b.Driver, ownDma))
            .FirstOrDefault(p => p is not null);
        return new GroupState(group, members.ToImmutable(), cdevs.ToImmutable(), unsafeBridge, silent) { OwnDmaDrivers = [.. ownDma] };
    }

    /// <summary>
    /// The device number of a node with its kind (<see cref="DeviceNumber.WithKind"/>), from sysfs, by which a re-used path is told from
    /// the old one; null when there is no such node.
    /// </summary>
    public string? ReadNodeIdentity(string node)
    {
        return NumberFileOf(node) is var (file, kind) && _files.ReadTextBlocking(file).Text is { } number ? kind + number : null;
    }

    /// <summary>
    /// The file of sysfs that has a node's number. A USB device's is told by its name (kernel <c>drivers/usb/core/usb.c: usb_devnode</c>,
    /// <c>drivers/usb/core/hub.c</c>: 189, and 128 for each bus).
    /// </summary>
    private static (string File, string Kind)? NumberFileOf(string node)
    {
        var name = node[(node.LastIndexOf('/') + 1)..];
        if (node.StartsWith("/dev/vfio/devices/", StringComparison.Ordinal))
            return ($"/sys/class/vfio-dev/{name}/dev", "");
        if (node.StartsWith("/dev/vfio/", StringComparison.Ordinal))
            return ($"/sys/class/vfio/{name}/dev", "");
        if (node.Split('/') is ["", "dev", "bus", "usb", var bus, var device])
            return
                int.TryParse(bus, NumberStyles.None, CultureInfo.InvariantCulture, out var b)
                && int.TryParse(device, NumberStyles.None, CultureInfo.InvariantCulture, out var d)
                ? (string.Create(CultureInfo.InvariantCulture, $"/sys/dev/char/189:{((b - 1) * 128) + d - 1}/dev"), "")
                : null;
        return name.StartsWith("sg", StringComparison.Ordinal)
            ? ($"/sys/class/scsi_generic/{name}/dev", "")
            : ($"/sys/class/block/{name}/dev", "b ");
    }

    private static string Device(PciAddress address) => $"/sys/bus/pci/devices/{address}";

    private bool IsBridge(PciAddress address) =>
        _files.ReadTextBlocking(Device(address) + "/class").Text?.StartsWith("0x0604", StringComparison.Ordinal) == true;
}
