using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// The devices of a status, of all classes: what they are, and who has taken them. Bridges, hubs and virtual functions are left out: the
/// first two can never be passed, and the last stand as ranges on their physical function.
/// </summary>
internal sealed class DeviceStatuses
{
    private readonly HostInventory _inventory;
    private readonly Dictionary<DeviceId, Unit> _units = [];
    private readonly Dictionary<string, string> _taken;
    private readonly Dictionary<string, OfferProblem> _unready;

    /// <param name="unready">As <see cref="StatusBuilder.Unready"/>.</param>
    public DeviceStatuses(HostInventory inventory, Plan plan, Catalog catalog, Dictionary<string, OfferProblem> unready)
    {
        (_inventory, _unready) = (inventory, unready);
        foreach (var unit in catalog.Units.Values.Select(u => u.Unit))
        {
            foreach (var device in unit.Handout.Drivers.Select(d => d.Device))
                _units.TryAdd(device, unit);
        }

        _taken = plan
            .Findings.Where(f => f.State == FindingState.Held || f.State == FindingState.Adopted)
            .DistinctBy(f => f.Device)
            .ToDictionary(f => f.Device, f => f.Message, StringComparer.Ordinal);
    }

    /// <summary>
    /// Ordered by <see cref="DeviceId"/>, each once. A mediated device that is made for an answer is there before it is made.
    /// </summary>
    public ImmutableArray<DeviceStatus> All =>
        [
            .. Physical(_inventory).Select(Of),
            .. _inventory.UsbDevices.Where(u => !u.IsHub).DistinctBy(u => u.Port).OrderBy(u => u.Port).Select(Of),
            .. _inventory.ScsiDevices.DistinctBy(s => s.Id).OrderBy(s => s.Id).Select(Of),
            .. MadeForAnAnswer().Concat(_inventory.Mdevs).OrderBy(m => m.Uuid).Select(Of),
        ];

    /// <summary>By vendor and device, what the machine's databases call them.</summary>
    public ImmutableArray<DeviceName> Names =>
        [
            .. Physical(_inventory)
                .Where(f => f.DeviceName is not null)
                .Select(f => new DeviceName(Ids(f.Vendor, f.Device), f.DeviceName!, DeviceClass.Pci.Word()))
                .DistinctBy(n => n.Ids)
                .OrderBy(n => n.Ids, StringComparer.Ordinal),
            .. _inventory
                .UsbDevices.Where(u => !u.IsHub && u.ProductName is not null)
                .Select(u => new DeviceName(Ids(u.Vendor, u.Product), u.ProductName!, DeviceClass.Usb.Word()))
                .OrderBy(n => n.Name, StringComparer.Ordinal)
                .DistinctBy(n => n.Ids)
                .OrderBy(n => n.Ids, StringComparer.Ordinal),
        ];

    /// <summary>The virtual functions of each function that has some now, by its address.</summary>
    public ImmutableArray<VirtualFunctionsStatus> VirtualFunctions =>
        [.. _inventory.Functions.Values.Where(f => f.Sriov is { VirtualFunctions.Count: > 0 }).Select(VirtualFunctionsOf)];

    /// <summary><c>vendor:device</c> of PCI functions by which units are known, each once, ordered; of other classes nothing.</summary>
    public IEnumerable<string> IdsOf(IEnumerable<Unit> units) =>
        units
            .Select(u => u.Device.AsPci is { } address ? _inventory.Functions.GetValueOrDefault(address) : null)
            .OfType<PciFunction>()
            .Select(f => Ids(f.Vendor, f.Device))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);

    /// <summary>One within what <c>crds/nodedevicestates.yaml</c> allows of a device (<see cref="StatusBounds"/>).</summary>
    public static DeviceStatus Bound(DeviceStatus d) =>
        d with
        {
            Id = StatusBounds.Optional(d.Id, StatusBounds.Id),
            Ids = StatusBounds.Optional(d.Ids, StatusBounds.Ids),
            Driver = StatusBounds.Optional(d.Driver, StatusBounds.Word),
            State = StatusBounds.Optional(d.State, StatusBounds.Text),
            Pci = d.Pci is { } pci
                ? pci with
                {
                    Subsystem = StatusBounds.Optional(pci.Subsystem, StatusBounds.Ids),
                    Slot = StatusBounds.Optional(pci.Slot, StatusBounds.Word),
                    Interfaces = pci.Interfaces is { } interfaces
                        ? StatusBounds.Words(interfaces, StatusBounds.FewInterfaces, StatusBounds.Word)
                        : null,
                }
                : null,
            Usb = d.Usb is { } usb ? new UsbDeviceStatus(StatusBounds.Optional(usb.Serial, StatusBounds.Serial)) : null,
            Scsi = d.Scsi is { } scsi
                ? new ScsiDeviceStatus(
                    StatusBounds.Optional(scsi.Controller, StatusBounds.Address),
                    StatusBounds.Optional(scsi.Vendor, StatusBounds.Word),
                    StatusBounds.Optional(scsi.Model, StatusBounds.Word),
                    StatusBounds.Optional(scsi.Serial, StatusBounds.Serial),
                    StatusBounds.Optional(scsi.Wwid, StatusBounds.Serial),
                    StatusBounds.Optional(scsi.Address, StatusBounds.Word)
                )
                : null,
            Mdev = d.Mdev is { } mdev
                ? new MdevDeviceStatus(BoundedText.Cut(mdev.TypeId, StatusBounds.Word), StatusBounds.Optional(mdev.Parent, StatusBounds.Id))
                : null,
            PciAddress = StatusBounds.Optional(d.PciAddress, StatusBounds.Address),
        };

    private static IEnumerable<PciFunction> Physical(HostInventory inventory) =>
        inventory.Functions.Values.Where(f => !f.IsBridge && !f.IsVirtualFunction);

    private static string Ids(PciId vendor, PciId device) => $"{vendor}:{device}";

    private DeviceStatus Of(PciFunction f) =>
        DeviceStatus.Of(f.Address) with
        {
            Ids = Ids(f.Vendor, f.Device),
            Driver = f.Driver,
            Pci = new PciDeviceStatus(f.IommuGroup, PciClass.Of(f.ClassCode))
            {
                Subsystem = f.SubsystemVendor == default ? null : Ids(f.SubsystemVendor, f.SubsystemDevice),
                Slot = f.Slot,
                Interfaces = InterfacesOf(f),
                Sriov = f.Sriov is { TotalVfs: > 0 } sriov ? new SriovDeviceStatus(sriov.TotalVfs, sriov.Offset, sriov.Stride) : null,
            },
            NumaNode = f.NumaNode,
            State = State(f.Address),
        };

    private static ImmutableArray<string>? InterfacesOf(PciFunction f)
    {
        var names = f.Children.Where(c => c.Kind == ChildKind.NetworkInterface).Select(c => c.Name).ToImmutableArray();
        return names.IsEmpty ? null : names;
    }

    private VirtualFunctionsStatus VirtualFunctionsOf(PciFunction pf)
    {
        var drivers = pf.Sriov!.VirtualFunctions.Select(v =>
                (Index: v.Key, Driver: _inventory.Functions.GetValueOrDefault(v.Value)?.Driver ?? "no driver")
            )
            .ToList();
        var ranges = new List<(VfRange Range, string Driver)>();
        foreach (var (index, driver) in drivers)
        {
            if (ranges.Count > 0 && ranges[^1].Driver == driver && ranges[^1].Range.Last == index - 1)
                ranges[^1] = (ranges[^1].Range with { Last = index }, driver);
            else
                ranges.Add((new VfRange(index, index), driver));
        }

        return new VirtualFunctionsStatus(
            pf.Address.ToString(),
            pf.Sriov.TotalVfs,
            drivers.Count,
            [.. ranges.Select(r => $"{r.Range}: {r.Driver}")]
        );
    }

    private DeviceStatus Of(UsbDevice u) =>
        DeviceStatus.Of(u.Port) with
        {
            Ids = Ids(u.Vendor, u.Product),
            Driver = u.Drivers.IsEmpty ? null : string.Join(',', u.Drivers),
            State = State(u.Port),
            Usb = new UsbDeviceStatus(u.Serial),
        };

    private DeviceStatus Of(ScsiDevice s) =>
        DeviceStatus.Of(s.Id) with
        {
            State = State(s.Id),
            Scsi = new ScsiDeviceStatus(s.Controller?.ToString(), s.Vendor, s.Model, s.Serial, s.Wwid, s.Address),
        };

    private DeviceStatus Of(MdevDevice m) =>
        DeviceStatus.Of(m.Uuid) with
        {
            NumaNode = _inventory.MdevParents.FirstOrDefault(p => p.Name == m.Parent)?.NumaNode,
            State = State(m.Uuid),
            Mdev = new MdevDeviceStatus(m.TypeId, m.Parent.Length == 0 ? null : m.Parent),
        };

    private IEnumerable<MdevDevice> MadeForAnAnswer()
    {
        var there = _inventory.Mdevs.Select(m => m.Uuid).ToHashSet();
        return _units
            .Values.Select(u => u.Handout)
            .OfType<Handout.MediatedDevice>()
            .Where(m => !there.Contains(m.Uuid))
            .Select(m => new MdevDevice
            {
                Uuid = m.Uuid,
                TypeId = m.TypeId,
                Parent = "",
            });
    }

    private string? State(DeviceId device) =>
        !_units.TryGetValue(device, out var unit) ? _taken.GetValueOrDefault(device.ToString())
        : _unready.TryGetValue(unit.Id.ToString(), out var problem)
            ? new DeviceState.NotOffered(unit.Resource.Value, problem.Message).ToString()
        : new DeviceState.Offered(unit.Resource.Value).ToString();
}
