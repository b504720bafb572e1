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
    private const string NoAnswer = "may leave it without an answer until the host reboots or its power was off";

    private const string Gb202 =
        "https://www.guiahardware.es/rtx-5090-y-rtx-6000-pro-el-bug-de-reset-en-virtualizacion-que-congela-las-vms";

    /// <summary>
    /// AMD: the report tells of the MI300X and the MI355X, by function level reset and by bus reset. It gives 740f as the MI300X's id,
    /// which is the MI210's by pci.ids; pci.ids and AMD's own host driver (amdgv_marketing_name.c) have 74a1. The MI355X's is the same in
    /// all. Other boards of the family (MI300A, MI308X, MI325X, MI350X) are not told of.
    /// <para>
    /// NVIDIA: a GeForce RTX 5070 Ti whose host freezes in its reset at the end of a VM (in the end with one firmware of the VM and not
    /// with the other). A GeForce RTX 5090 that a function level reset leaves without an answer; another one that it leaves with half
    /// of its link until the power was off (forum.proxmox.com, thread 178461). The 5090 D and D V2 are that chip under other ids. All
    /// ids are those of pci.ids. The RTX PRO 6000 is told of without saying which of its ids, and does not stand here.
    /// </para>
    /// No kernel is known to cure any of them: <c>drivers/pci/quirks.c</c> of Linux 6.18, and of later trees that were looked at, keeps
    /// none of these ids from a function level reset (<c>quirk_no_flr</c>). An entry that a later one cures says since when.
    /// </summary>
    public static ImmutableArray<BoardHarmedByReset> All { get; } =
    [
        Instinct("74a1", "MI300X"),
        Instinct("75a3", "MI355X"),
        GeForce("2b85", "RTX 5090", NoAnswer, Gb202),
        GeForce("2b87", "RTX 5090 D", NoAnswer, Gb202),
        GeForce("2b8c", "RTX 5090 D V2", NoAnswer, Gb202),
        GeForce("2c05", "RTX 5070 Ti", "may freeze the host", "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/853"),
    ];

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
            "https://github.com/amd/MxGPU-Virtualization/issues/25"
        );

    private static BoardHarmedByReset GeForce(string device, string name, string harm, string report) =>
        new(PciId.Parse("10de"), PciId.Parse(device), $"NVIDIA GeForce {name}", harm, "pass another board", report);
}
