using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>A board that a reset harms.</summary>
/// <param name="Name">As its vendor sells it.</param>
/// <param name="Harm">Completes "a reset of ...".</param>
/// <param name="Remedy">What else can be passed.</param>
/// <param name="Report">Where it is told in public.</param>
internal sealed record BoardHarmedByReset(PciId Vendor, PciId Device, string Name, string Harm, string Remedy, string Report)
{
    /// <summary>The first version of the kernel that keeps VFIO from it (a quirk); null where none is known.</summary>
    public KernelVersion? CuredSince { get; init; }

    public bool Is(PciFunction function) => function.Vendor == Vendor && function.Device == Device;

    /// <summary>Whether the kernel keeps the harm away; a kernel whose version cannot be told does not.</summary>
    public bool IsCuredIn(string kernelRelease) => CuredSince is { } since && KernelVersion.OfRelease(kernelRelease) >= since;

    /// <summary>As a sentence without its end.</summary>
    public string Harms(PciFunction function) =>
        $"a reset of {function.Address} ({Name}) {Harm} ({Report}{(CuredSince is { } since ? $"; not from Linux {since} on" : "")})";
}
