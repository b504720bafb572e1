using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Whether a VM that asks for all units of a resource that one node has finds room for their 32-bit BARs below 4 GiB. Where it does not,
/// QEMU's firmware leaves devices without memory, and cloud-hypervisor does not start: both name no device. Said, and in nobody's way,
/// because most VMs ask for fewer.
/// </summary>
public static class LowMmio
{
    private const ulong MiB = 1 << 20;
    private const string CloudHypervisor = "cloud-hypervisor";

    /// <summary>
    /// What is free by default, the VM's own devices not counted, by <c>uname -m</c>.
    /// QEMU, x86: from 0xc0000000 to 0xfc000000 with OVMF, q35 and i440fx alike (edk2 <c>OvmfPkg/PlatformPei</c>,
    /// <c>MemMapInitialization</c>; since its MMCONFIG is at 0xe0000000 there is more), some more with SeaBIOS (<c>src/fw/pciinit.c</c>).
    /// QEMU, virt: <c>hw/arm/virt.c</c>, VIRT_PCIE_MMIO. cloud-hypervisor: <c>arch/src/*/layout.rs</c>, MEM_32BIT_DEVICES_SIZE, which its
    /// PCI segments divide by their <c>mmio32_aperture_weight</c>.
    /// </summary>
    private static readonly ImmutableDictionary<string, ImmutableArray<(string Vmm, ulong Bytes)>> s_rooms = new Dictionary<
        string,
        ImmutableArray<(string Vmm, ulong Bytes)>
    >(StringComparer.Ordinal)
    {
        ["x86_64"] = [(CloudHypervisor, 640 * MiB), ("QEMU", 960 * MiB)],
        ["aarch64"] = [(CloudHypervisor, 512 * MiB), ("QEMU", 0x2eff0000)],
    }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>What cloud-hypervisor's PCI segments divide among them, in bytes; null where that is not known.</summary>
    public static ulong? OfCloudHypervisor(string architecture) =>
        s_rooms.TryGetValue(architecture, out var rooms) ? rooms.First(r => r.Vmm == CloudHypervisor).Bytes : null;

    /// <summary>One for each resource and each policy that has units of it.</summary>
    internal static IEnumerable<Finding> Findings(HostInventory inventory, ImmutableArray<Unit> units)
    {
        if (!s_rooms.TryGetValue(inventory.Facts.Architecture, out var rooms))
            yield break;
        foreach (var resource in units.Groups().GroupBy(u => u.Unit.Resource).OrderBy(r => r.Key.Value, StringComparer.Ordinal))
        {
            var needs = resource.Select(u => Needs(inventory, u.Group)).OrderDescending().ToImmutableArray();
            var whole = needs.Aggregate(0UL, (sum, n) => sum + n);
            var tooSmall = rooms.Where(r => r.Bytes < whole).ToList();
            if (tooSmall.Count == 0)
                continue;
            var asks = needs.Length == 1 ? "the one" : string.Create(CultureInfo.InvariantCulture, $"all {needs.Length}");
            var have = tooSmall.Select(r => $"{r.Vmm} has {r.Bytes / MiB} MiB, which is {Fitting(needs, r.Bytes)}");
            var remedy = needs.Length == 1 ? "" : ": let a VM ask for no more than that";
            var message =
                $"a VM that asks for {asks} {resource.Key} of this node needs {InMiB(whole)} MiB below 4 GiB for 32-bit BARs, beside its "
                + $"own devices; by default {string.Join(", and ", have)}{remedy}";
            foreach (var policy in resource.Select(u => u.Unit.Policy).Distinct())
                yield return new Finding(policy, policy.ToString(), FindingState.Noticed, Reasons.LowMmioTooSmall, message);
        }
    }

    /// <summary>Those that are kept from a VM take no room in it.</summary>
    private static ulong Needs(HostInventory inventory, Handout.VfioGroup group) =>
        group.Assigned.Aggregate(0UL, (sum, m) => sum + (inventory.Functions.GetValueOrDefault(m.Address)?.Bars.Bits32 ?? 0));

    /// <summary>How many fit whichever they are: the largest come first.</summary>
    private static string Fitting(ImmutableArray<ulong> needs, ulong room)
    {
        var fit = 0;
        for (var taken = 0UL; fit < needs.Length && taken + needs[fit] <= room; fit++)
            taken += needs[fit];
        return fit == 0 ? "not enough for one" : string.Create(CultureInfo.InvariantCulture, $"enough for {fit}");
    }

    private static string InMiB(ulong bytes) => ((bytes + MiB - 1) / MiB).ToString(CultureInfo.InvariantCulture);
}
