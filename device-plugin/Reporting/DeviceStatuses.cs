using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
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
