using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// The boards that a reset is known to harm. One stands here when its harm is told in public and its ids are those of that board by a
/// second source (pci.ids, or the vendor's own driver). Each entry is of physical functions alone: virtual functions have ids of their own,
/// and a reset of one does not reset its board.
/// </summary>
internal static class BoardsHarmedByReset
{
    private const string MxGpu = "https://github.com/amd/MxGPU-Virtualization/issues/25";

    /// <summary>
    /// AMD: the report tells of the MI300X and the MI355X, by function level reset and by bus reset. It gives 740f as the MI300X's id,
    /// which is the MI210's by pci.ids; pci.ids and AMD's own host driver (amdgv_marketing_name.c) have 74a1.
    /// </summary>
    public static ImmutableArray<BoardHarmedByReset> All { get; } = [Instinct("74a1", "MI300X")];

    /// <summary>Null of a board that no reset harms, as far as is known, and of a virtual function.</summary>
    public static BoardHarmedByReset? Of(PciFunction function, HostFacts facts) =>
        function.IsVirtualFunction ? null : All.FirstOrDefault(b => b.Is(function) && !b.IsCuredIn(facts.KernelRelease));

    private static BoardHarmedByReset Instinct(string device, string name) =>
        new(
            PciId.Parse("1002"),
            PciId.Parse(device),
            $"AMD Instinct {name}",
            "leaves it without an answer, its configuration space all ones, until the host reboots",
            "pass virtual functions of it, which are not harmed",
            MxGpu
        );
}
