using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Mdev;

/// <summary>What keeps a card from having any device of a profile's type.</summary>
internal static class CardChecks
{
    private const string PciApi = "vfio-pci";

    public static Checks<CardCase> All { get; } = new(OtherTransport, Mixed, AttributesOfFunctions, VfsMissing, NoSuchType, OtherApi);

    /// <summary>Where a card has mdev types, that way is in force, and the vendor's own is not to be touched.</summary>
    private static Objection? OtherTransport(CardCase it) =>
        it.Card.IsBy(it.Policy.Spec.Transport)
            ? null
            : Objection.Of(
                Reasons.OtherTransport,
                it.Card.IsVendorVfio
                    ? $"the virtual functions of {it.Card.Name} are given their types by vendor VFIO (nvidia/current_vgpu_type), and "
                        + "transport is Mdev: write VendorVfio or Auto there"
                    : $"{it.Card.Name} makes its devices on the mdev bus (it has mdev_supported_types), and transport is VendorVfio: "
                        + "write Mdev or Auto there"
            );

    /// <summary>A mediated device and a virtual function are told to KubeVirt by different names (contracts/kubevirt.md, 5).</summary>
    private static Objection? Mixed(CardCase it)
    {
        if (it.OtherWay is not { Policy: var first })
            return null;
        if (first == it.Policy.Identity)
        {
            return Objection.Of(
                Reasons.OtherTransport,
                $"{it.Card.Name} has vendor VFIO, and other cards of this profile are on the mdev bus, whose devices need another resource "
                    + "name: write a profile of its own for it, with transport: VendorVfio"
            );
        }

        var (here, there, transport) = it.Card.IsVendorVfio
            ? ("has vendor VFIO", "has cards on the mdev bus", MdevTransport.VendorVfio)
            : ("is on the mdev bus", "has cards with vendor VFIO", MdevTransport.Mdev);
        return Objection.Of(
            Reasons.ResourceNameConflict,
            $"{it.Card.Name} {here}, and {first}, which uses {it.Policy.Spec.ResourceName} too, {there} on this node: a resource name has "
                + $"devices of one way; use another resourceName for it, in a profile with transport: {transport}"
        );
    }

    /// <summary>While the vendor's tool makes them, the physical function is without its driver for a moment.</summary>
    private static Objection? VfsMissing(CardCase it)
    {
        if (!it.Card.IsVendorVfio || !it.Card.Parents.IsEmpty || it.Card.Function is not { } function)
            return null;
        var make = $"make them with {VendorCards.ToolFor(function)}";
        if (function.Driver is null or "pci-pf-stub")
        {
            var now = function.Driver is null ? "has no driver" : $"is on {function.Driver}";
            return Objection
                .Waits(
                    Reasons.VfsMissing,
                    $"{function.Address} {now}, as while sriov-manage makes its virtual functions: it is waited for. If it stays so, "
                        + $"load its driver and {make}"
                )
                .WithoutMore();
        }

        var there = function.Sriov!.VirtualFunctions.Count;
        return Objection
            .Of(
                Reasons.VfsMissing,
                there == 0
                    ? $"{function.Address} has no virtual functions, which are what a type is given to: {make}"
                    : $"none of the {there} virtual functions of {function.Address} has a directory nvidia: give them to the driver nvidia "
                        + $"of the vGPU host package; where it has them, {make}"
            )
            ?.WithoutMore();
    }

    /// <summary>With vendor VFIO a type that is not listed may be one that there is no room for: only an idle card lists all.</summary>
    private static Objection? NoSuchType(CardCase it) =>
        it.Makers.IsEmpty && it.VirtualFunctions.All(f => f.Vgpu is { TypeId: null, IsUnreadable: false })
            ? Objection.Of(Reasons.NoSuchType, $"{it.Card.Name} has no type {it.TypeInWords}: it has {Types(it)}")
            : null;

    private static Objection? OtherApi(CardCase it) =>
        it
            .Makers.Where(m => m.Type.DeviceApi != PciApi)
            .Select(m =>
                Objection.Of(
                    Reasons.NotSupported,
                    $"type {m.Type.Id} of {m.Parent.Name} makes devices for {m.Type.DeviceApi}, and only those for {PciApi} can "
                        + "be given to a VM: choose another type"
                )
            )
            .FirstOrDefault();

    /// <summary>
    /// Its files are the vendor's own (<c>nvidia/vgpu_params</c> of the function), and none of them is known to be a setting.
    /// </summary>
    private static Objection? AttributesOfFunctions(CardCase it) =>
        it.Card.IsVendorVfio && it.Policy.Spec.Instances.Attributes is { IsEmpty: false }
            ? Objection.Of(
                Reasons.NotSupported,
                $"{it.Card.Name} gives virtual functions types (vendor VFIO), and instances.attributes are files of mediated devices: "
                    + "remove them from the profile"
            )
            : null;

    private static string Types(CardCase it)
    {
        var there = it
            .Card.Parents.SelectMany(p => p.Types)
            .DistinctBy(t => t.Id)
            .OrderBy(t => t.Id, StringComparer.Ordinal)
            .Select(t => t.Name is { } name ? $"{t.Id} (\"{name}\")" : t.Id)
            .ToList();
        return there.Count == 0 ? "none now; look at dmesg for what its driver says" : string.Join(", ", there);
    }
}
