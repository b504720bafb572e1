using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

/// <summary>How one device is another one's child: what makes it go with that one.</summary>
public enum Bond
{
    /// <summary>It is a part of the other that is made and removed by number or name: a virtual function, a mediated device.</summary>
    Made,

    /// <summary>It is there by the other's driver, or loses its own driver before that one lets go.</summary>
    Carried,
}

/// <summary>A device of one reading, whatever its class.</summary>
/// <param name="Parents">What it does not survive, ordered.</param>
/// <param name="Isolation">The IOMMU group, whose members are given away together; null for what is isolated by itself.</param>
public sealed record Device(DeviceId Id, ImmutableArray<DeviceParent> Parents, int? Isolation);

public sealed record DeviceParent(DeviceId Id, Bond Bond);

/// <summary>
/// Which devices hang together in one reading: by parents, and by what isolates them. Whatever asks "what goes with it", "whose is it too"
/// or "what may not be changed side by side" walks here. Bridges are no parents in this sense: nobody takes them.
/// </summary>
public sealed class DeviceGraph
{
    private readonly ImmutableSortedDictionary<DeviceId, Device> _devices;
    private readonly ILookup<DeviceId, (DeviceId Child, Bond Bond)> _children;

    private DeviceGraph(IEnumerable<Device> devices)
    {
        _devices = devices.ToImmutableSortedDictionary(d => d.Id, d => d);
        _children = _devices
            .Values.SelectMany(d => d.Parents.Select(p => (Child: d.Id, p.Bond, Parent: p.Id)))
            .ToLookup(p => p.Parent, p => (p.Child, p.Bond));
    }

    /// <summary>Ordered by ID.</summary>
    public IEnumerable<Device> Devices => _devices.Values;

    public bool Has(DeviceId device) => _devices.ContainsKey(device);

    public static DeviceGraph Of(HostInventory inventory) =>
        new([
            .. inventory.Functions.Values.Select(f => Function(inventory, f)),
            .. inventory.Mdevs.Select(m => Mdev(inventory, m)),
            // Nobody takes a hub. Two paths to one disk that cannot be told apart are one device here.
            .. inventory.UsbDevices.Where(u => !u.IsHub).DistinctBy(u => u.Port).Select(Usb),
            .. inventory.ScsiDevices.DistinctBy(s => s.Id).Select(Scsi),
        ]);

    /// <summary>Everything that goes with a device by a bond, at any depth, ordered; without the device.</summary>
    public ImmutableArray<DeviceId> Below(DeviceId device, Bond bond) =>
        [.. Walk(device, d => _children[d].Where(c => c.Bond == bond).Select(c => c.Child)).Order()];

    /// <summary>The device, what goes with it, and what it goes with: whoever has one of them has to do with the device.</summary>
    public IEnumerable<DeviceId> Kin(DeviceId device) =>
        Walk(device, d => _children[d].Select(c => c.Child)).Concat(Walk(device, ParentsOf)).Prepend(device);

    /// <summary>The device, and what it goes with.</summary>
    public IEnumerable<DeviceId> Above(DeviceId device) => Walk(device, ParentsOf).Prepend(device);

    /// <summary>
    /// A number for each device; those that have to do with each other, over any number of others, have the same device's.
    /// </summary>
    /// <param name="touched">Devices that have to do with each other for another reason, each time those of one list.</param>
    public IReadOnlyDictionary<DeviceId, DeviceId> Clusters(params IEnumerable<IEnumerable<DeviceId>> touched)
    {
        var roots = new Dictionary<DeviceId, DeviceId>();
        foreach (var device in _devices.Values)
        {
            foreach (var parent in device.Parents)
                Join(parent.Id, device.Id);
        }

        foreach (var together in _devices.Values.Where(d => d.Isolation is not null).GroupBy(d => d.Isolation))
        {
            foreach (var member in together.Skip(1))
                Join(together.First().Id, member.Id);
        }

        foreach (var together in touched.Select(t => t.ToList()))
        {
            foreach (var other in together.Skip(1))
                Join(together[0], other);
        }

        return _devices.Keys.Concat(roots.Keys).Distinct().ToDictionary(d => d, Root);

        DeviceId Root(DeviceId device)
        {
            while (roots.TryGetValue(device, out var next))
                device = next;
            return device;
        }

        void Join(DeviceId a, DeviceId b)
        {
            var (x, y) = (Root(a), Root(b));
            if (x == y)
                return;
            if (x < y)
                roots[y] = x;
            else
                roots[x] = y;
        }
    }

    private IEnumerable<DeviceId> ParentsOf(DeviceId device) => _devices.GetValueOrDefault(device)?.Parents.Select(p => p.Id) ?? [];

    private static HashSet<DeviceId> Walk(DeviceId from, Func<DeviceId, IEnumerable<DeviceId>> next)
    {
        var seen = new HashSet<DeviceId>();
        var open = new Stack<DeviceId>([from]);
        while (open.TryPop(out var device))
        {
            foreach (var other in next(device).Where(o => o != from && seen.Add(o)))
                open.Push(other);
        }

        return seen;
    }

    private static Device Function(HostInventory inventory, PciFunction function)
    {
        var parents = function.IsBridge
            ? []
            : CarriersOf(inventory, function).Distinct().Select(c => new DeviceParent(c, Bond.Carried)).ToList();
        if (function.PhysicalFunction is { } pf)
            parents.Add(new DeviceParent(pf, Bond.Made));
        return new Device(
            function.Address,
            [.. parents.OrderBy(p => p.Id)],
            function.IsBridge ? null : inventory.GroupOf(function)?.Number
        );
    }

    private static Device Mdev(HostInventory inventory, MdevDevice mdev)
    {
        var parent = inventory.MdevParents.FirstOrDefault(p => p.Name == mdev.Parent)?.PciAddress;
        return new Device(mdev.Uuid, parent is { } address ? [new DeviceParent(address, Bond.Made)] : [], mdev.IommuGroup);
    }

    private static Device Usb(UsbDevice usb) => new(usb.Port, CarriedBy(usb.Controller), null);

    private static Device Scsi(ScsiDevice scsi) =>
        new(scsi.Id, scsi.UsbDevice is { } usb ? CarriedBy(usb) : CarriedBy(scsi.Controller), null);

    private static ImmutableArray<DeviceParent> CarriedBy(DeviceId? carrier) =>
        carrier is null ? [] : [new DeviceParent(carrier, Bond.Carried)];

    /// <summary>
    /// The functions above that are there by more than wires (a VMD makes a domain of its own for its disks), and those that the driver
    /// core takes from their drivers only after this one (what tunnels through a Thunderbolt controller: <c>supplier:*</c> links of a
    /// device).
    /// </summary>
    private static IEnumerable<PciAddress> CarriersOf(HostInventory inventory, PciFunction function)
    {
        foreach (var address in function.Path)
        {
            if (inventory.Functions.TryGetValue(address, out var above) && !above.IsBridge)
                yield return address;
        }

        foreach (var address in function.Path.Append(function.Address))
        {
            if (!inventory.Functions.TryGetValue(address, out var consumer))
                continue;
            foreach (var supplier in consumer.Suppliers.Where(s => s != function.Address && IsAtWork(inventory, s)))
                yield return supplier;
        }
    }

    /// <summary>Links bind drivers: a supplier without one, or on ours, carries nobody any more.</summary>
    private static bool IsAtWork(HostInventory inventory, PciAddress supplier) =>
        inventory.Functions.TryGetValue(supplier, out var function)
        && !function.IsBridge
        && function.Driver is { } driver
        && !inventory.Facts.PassthroughDrivers.Contains(driver);
}
