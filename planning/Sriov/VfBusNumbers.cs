using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// Whether virtual functions that are yet to be made lie on buses that the port above may use. The kernel makes none where the last one
/// does not (<c>drivers/pci/iov.c: sriov_enable</c>, ENOMEM), and asked before the write nobody loses those that are there.
/// </summary>
public static class VfBusNumbers
{
    internal static Objection? PastTheLast(VfNumberCase it)
    {
        var (inventory, address) = (it.Situation.Inventory, it.Address);
        var wanted = Math.Min(it.Wanted, it.Sriov.TotalVfs); // more than the card has is said already
        if (
            wanted == 0
            || it.Function.Path.IsEmpty
            || inventory.Functions.GetValueOrDefault(it.Function.Path[^1]) is not { SubordinateBus: { } last } port
            || Fitting(it.Sriov, address.RoutingId, last) is not { } fitting
            || fitting >= wanted
        )
            return null;
        var id = address.RoutingId + it.Sriov.Offset + (it.Sriov.Stride * (wanted - 1));
        var fewer = fitting > 0 ? string.Create(CultureInfo.InvariantCulture, $"set numVfs to at most {fitting}, or ") : "";
        return Objection.Of(
            Reasons.NoBusNumbers,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{address} asks for {wanted} VFs, the last of which would lie on bus {id >> 8:x2}, and the port above it "
                    + $"({port.Address}) has bus numbers up to {last:x2}: {fewer}{Remedy}"
            )
        );
    }

    /// <summary>What gives a port more numbers, or needs fewer; without the number of VFs, which is not always known.</summary>
    public const string Remedy =
        "switch on ARI in the firmware (and remove pci=noari), boot with pci=assign-busses, or give the slot more bus numbers in the "
        + "firmware";

    /// <summary>
    /// How many lie on buses up to the last; null where the card does not tell where they lie: an offset is unused while there are none,
    /// and a stride while there is one at most (SR-IOV specification 3.3.9, 3.3.10), though cards have both.
    /// </summary>
    private static int? Fitting(SriovCapability sriov, int routingId, byte lastBus)
    {
        if (sriov.Offset <= 0)
            return null;
        var room = (lastBus << 8) + 0xff - routingId - sriov.Offset;
        return room < 0 ? 0
            : sriov.Stride > 0 ? 1 + (room / sriov.Stride)
            : null;
    }
}
