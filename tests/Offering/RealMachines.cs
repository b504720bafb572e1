using System.Collections.Immutable;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.Tests.Offering;

/// <summary>
/// Trees of machines that are sold, by hand from what their owners published (lspci -t, nvidia-smi topo -m, block diagrams): where each
/// device of one resource lies. Names are those of the test's table.
/// </summary>
internal static class RealMachines
{
    /// <summary>
    /// NVIDIA DGX-1: a PLX switch below a root port of its own for each two GPUs, two switches on each of two sockets (DGX-1 user guide,
    /// system topology).
    /// </summary>
    public static ImmutableDictionary<string, CatalogUnit> EightGpusOnFourSwitches { get; } =
        Machine([
            .. Switch(0, "0000:00:02.0", "0000:02", "gpu0", "gpu1"),
            .. Switch(0, "0000:00:03.0", "0000:08", "gpu2", "gpu3"),
            .. Switch(1, "0000:80:02.0", "0000:82", "gpu4", "gpu5"),
            .. Switch(1, "0000:80:03.0", "0000:87", "gpu6", "gpu7"),
        ]);

    /// <summary>
    /// A "single root" server with ten GPUs (Supermicro 4029GP-TRT3, Gigabyte G481-HA1): two switches in chain below one root port of
    /// socket 0.
    /// </summary>
    public static ImmutableDictionary<string, CatalogUnit> TenGpusInChain { get; } =
        Machine([
            .. Enumerable.Range(0, 5).Select(i => Units.At($"gpu{i}", 0, "0000:16:00.0", "0000:17:00.0", $"0000:18:{i:x2}.0")),
            .. Enumerable
                .Range(5, 5)
                .Select(i => Units.At($"gpu{i}", 0, "0000:16:00.0", "0000:17:00.0", "0000:18:08.0", "0000:24:00.0", $"0000:25:{i:x2}.0")),
        ]);

    /// <summary>
    /// HGX H100 as in Dell XE9680: four switches of one GPU, or two, and NICs beside them; here the eight NICs, two below each switch, two
    /// switches on each socket, and two more NICs for storage on root ports of their own.
    /// </summary>
    public static ImmutableDictionary<string, CatalogUnit> NicsBesideGpus { get; } =
        Machine([
            .. Switch(0, "0000:15:01.0", "0000:16", "ib0", "ib1"),
            .. Switch(0, "0000:37:01.0", "0000:38", "ib2", "ib3"),
            Units.At("eth0", 0, "0000:5d:01.0"),
            .. Switch(1, "0000:97:01.0", "0000:98", "ib4", "ib5"),
            .. Switch(1, "0000:b7:01.0", "0000:b8", "ib6", "ib7"),
            Units.At("eth1", 1, "0000:d7:01.0"),
        ]);

    /// <summary>Two dual-port E810, one on each socket, with four virtual functions of each port.</summary>
    public static ImmutableDictionary<string, CatalogUnit> NicsOnTwoSockets { get; } =
        Machine([
            .. Enumerable.Range(0, 8).Select(i => Units.At($"a{i}", 0, "0000:3a:00.0")),
            .. Enumerable.Range(0, 8).Select(i => Units.At($"b{i}", 1, "0000:af:00.0")),
        ]);

    /// <summary>
    /// Two EPYC 7002 as one NUMA node each (NPS1): four root complexes on each socket, two GPUs behind two of them, each on a root port of
    /// its own (ASUS ESC8000A-E11 without switches).
    /// </summary>
    public static ImmutableDictionary<string, CatalogUnit> GpusOnRootPorts { get; } =
        Machine([
            Units.At("gpu0", 0, "0000:00:01.1"),
            Units.At("gpu1", 0, "0000:20:01.1"),
            Units.At("gpu2", 0, "0000:20:03.1"),
            Units.At("gpu3", 0, "0000:40:01.1"),
            Units.At("gpu4", 1, "0000:80:01.1"),
            Units.At("gpu5", 1, "0000:a0:01.1"),
            Units.At("gpu6", 1, "0000:c0:01.1"),
            Units.At("gpu7", 1, "0000:c0:03.1"),
        ]);

    /// <summary>
    /// NVMe disks behind Intel VMD: a controller and a PCI domain for each four slots, two of them on socket 0, one on socket 1.
    /// </summary>
    public static ImmutableDictionary<string, CatalogUnit> DisksBehindVmd { get; } =
        Machine([
            .. Enumerable.Range(0, 4).Select(i => Units.At($"d{i}", 0, "0000:64:00.5", $"10000:00:0{2 + i}.0")),
            .. Enumerable.Range(4, 4).Select(i => Units.At($"d{i}", 0, "0000:c9:00.5", $"10001:00:0{i - 2}.0")),
            .. Enumerable.Range(8, 3).Select(i => Units.At($"d{i:x}", 1, "0000:e2:00.5", $"10002:00:0{i - 6}.0")),
        ]);

    /// <summary>
    /// A desktop (one socket, <c>numa_node</c> -1 everywhere): a GPU at the processor's port, two USB controllers below one chipset port's
    /// switch (a Thunderbolt card), NICs at chipset ports. Without ACS groups are large; a unit is a group, whatever is in it.
    /// </summary>
    public static ImmutableDictionary<string, CatalogUnit> Desktop { get; } =
        Machine([
            Units.At("gpu", null, "0000:00:01.0"),
            Units.At("nic0", null, "0000:00:1c.0"),
            Units.At("usb0", null, "0000:00:1c.4", "0000:05:00.0", "0000:06:00.0"),
            Units.At("usb1", null, "0000:00:1c.4", "0000:05:00.0", "0000:06:02.0"),
            Units.At("audio"),
        ]);

    private static IEnumerable<KeyValuePair<string, CatalogUnit>> Switch(int node, string rootPort, string upstreamBus, params string[] ids)
    {
        var bus = Convert.ToInt32(upstreamBus[5..], 16) + 1;
        return ids.Select((id, i) => Units.At(id, node, rootPort, $"{upstreamBus}:00.0", $"0000:{bus:x2}:{4 * (i + 1):x2}.0"));
    }

    private static ImmutableDictionary<string, CatalogUnit> Machine(IEnumerable<KeyValuePair<string, CatalogUnit>> units) =>
        ImmutableDictionary.CreateRange(StringComparer.Ordinal, units);
}
