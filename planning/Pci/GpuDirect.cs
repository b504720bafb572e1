using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// NVIDIA's GPUDirect P2P in a VM: which GPUs a guest may be told of that they reach each other's memory. What a guest is told wrongly here
/// becomes silently wrong results (NVIDIA/nccl issue 2335: GeForce boards map a mirror), so only what is documented is said: the
/// generations Turing, Ampere, Hopper and Lovelace (cloud-hypervisor <c>docs/vfio.md</c>), boards for data centers (class 3D controller;
/// cloud-hypervisor pull request 6235), and GPUs below one PCIe switch.
/// </summary>
public static class GpuDirect
{
    /// <summary>The option has four bits (QEMU <c>hw/vfio/pci-quirks.c: set_nv_gpudirect_clique_id</c>).</summary>
    public const int MostCliques = 16;

    private const uint ThreeDController = 0x0302;
    private static readonly PciId s_nvidia = new(0x10de);

    // Of pci.ids: TU10x, TU11x; GA100; GA10x with GH100 between; AD10x. Volta lies before, Blackwell after.
    private static readonly ImmutableArray<(ushort First, ushort Last)> s_generations =
    [
        (0x1e00, 0x1fff),
        (0x2080, 0x20ff),
        (0x2180, 0x25ff),
        (0x2600, 0x28ff),
    ];

    /// <summary>A number for each GPU that has a companion below the same switch; the others are not in it.</summary>
    public static ImmutableDictionary<DeviceId, int> Cliques(ImmutableArray<Unit> units, HostInventory inventory)
    {
        var gpus = units
            .SelectMany(u => u.Handout.Drivers)
            .Select(d => d.Device.AsPci is { } address ? inventory.Functions.GetValueOrDefault(address) : null)
            .OfType<PciFunction>()
            .Where(f => Supports(f) && f.Path.Length > 1); // directly below a root port there is room for one device
        return gpus.GroupBy(f => f.Path[0])
            .Where(g => g.Count() > 1)
            .Take(MostCliques)
            .SelectMany((g, number) => g.Select(f => (Device: (DeviceId)f.Address, number)))
            .ToImmutableDictionary(t => t.Device, t => t.number);
    }

    /// <summary>Whether its generation is one of those. A virtual function has no memory of its own to reach.</summary>
    internal static bool Supports(PciFunction function) =>
        function.Vendor == s_nvidia
        && function.ClassCode >> 8 == ThreeDController
        && !function.IsVirtualFunction
        && s_generations.Any(g => function.Device.Value >= g.First && function.Device.Value <= g.Last);
}
