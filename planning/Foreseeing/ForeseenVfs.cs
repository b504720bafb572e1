using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Foreseeing;

/// <summary>
/// Virtual functions that are not there yet. Their addresses follow from their physical function (PCIe, "First VF Offset" and "VF Stride");
/// what they are is like others of the same card, where the host has or had some.
/// </summary>
/// <param name="Known">By the IDs of their physical function.</param>
internal sealed record ForeseenVfs(ILookup<(PciId Vendor, PciId Device), PciFunction> Known, ImmutableArray<string> PassthroughDrivers)
{
    /// <summary>What a function has when the kernel is let find a driver for it, and nobody can say which it will find.</summary>
    public const string UnknownDriver = "a driver of the host's";

    public static ForeseenVfs Of(HostInventory inventory) =>
        new(
            inventory
                .Functions.Values.Select(f => (Vf: f, Pf: f.PhysicalFunction is { } pf ? inventory.Functions.GetValueOrDefault(pf) : null))
                .Where(p => p.Pf is not null)
                .ToLookup(p => (p.Pf!.Vendor, p.Pf.Device), p => p.Vf),
            inventory.Facts.PassthroughDrivers
        );

    /// <summary>The driver that the host has for virtual functions of this card, by those that it had at first.</summary>
    public string HostDriverOf(PciFunction pf) =>
        Known[(pf.Vendor, pf.Device)].Select(f => f.Driver).FirstOrDefault(d => d is not null && !PassthroughDrivers.Contains(d))
        ?? UnknownDriver;

    /// <summary>Those that a physical function has when its number is this, without drivers, and what is assumed of them.</summary>
    public (ImmutableArray<PciFunction> Made, string? Assumption) Made(HostInventory inventory, PciFunction pf, int number)
    {
        if (number == 0)
            return ([], null);
        var sriov = pf.Sriov!;
        var addresses = Enumerable.Range(0, number).Select(i => pf.Address.Offset(sriov.Offset + i * sriov.Stride)).ToList();
        var areKnown = sriov.Offset > 0 && (number == 1 || sriov.Stride > 0);
        if (!areKnown || addresses.Exists(a => a is not { } address || inventory.Functions.ContainsKey(address)))
        {
            return (
                [],
                $"which addresses the virtual functions of {pf.Address} get is known when they are there: what is done to them then is "
                    + "not shown"
            );
        }

        var like = Known[(pf.Vendor, pf.Device)].FirstOrDefault();
        int? shared = VfIsolation.IsShared(inventory, pf) ? pf.IommuGroup : null;
        var first = NewGroup(inventory);
        var alike = like is null
            ? "without a vfio driver of their own, and with a function level reset"
            : "like those that the host has or had of such a card";
        var isolated = shared is null ? "each alone in an IOMMU group" : $"all in the IOMMU group of {pf.Address}";
        return (
            [.. addresses.Select((a, i) => Vf(like ?? Unlike(pf), pf, a!.Value, i, pf.IommuGroup is null ? null : shared ?? first + i))],
            $"the virtual functions of {pf.Address} are taken to be {alike}, {isolated}"
        );
    }

    /// <summary>A number that no group has: the kernel's own choice is not known, and nothing is decided by it.</summary>
    public static int NewGroup(HostInventory inventory) => inventory.Groups.IsEmpty ? 0 : inventory.Groups.Keys.Max() + 1;

    /// <summary>Class and vendor are those of the physical function, and each has FLR (PCIe, SR-IOV); the device ID is another.</summary>
    private static PciFunction Unlike(PciFunction pf) =>
        pf with
        {
            Device = default,
            DeviceName = null,
            VfioVariantDriver = null,
            ResetMethods = ["flr"],
            ResetsUntold = false,
        };

    private static PciFunction Vf(PciFunction like, PciFunction pf, PciAddress address, int index, int? group) =>
        like with
        {
            Address = address,
            Driver = null,
            DriverOverride = null,
            IommuGroup = group,
            NumaNode = pf.NumaNode,
            Path = pf.Path,
            Slot = pf.Slot,
            PhysicalFunction = pf.Address,
            VfIndex = index,
            Sriov = null,
            VfioCdev = null,
            HasVfioCdevNode = false,
            Vgpu = null,
            Children = [],
            Unreadable = [],
            Health = null,
            BootVga = false,
            NetworkInterfaceElsewhere = false,
        };
}
