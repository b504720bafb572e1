using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>What an experienced admin would choose, machine by machine.</summary>
public sealed class PreferredOnRealMachinesTests
{
    private static readonly ImmutableDictionary<string, ImmutableDictionary<string, CatalogUnit>> s_machines =
        ImmutableDictionary.CreateRange(
            StringComparer.Ordinal,
            [
                KeyValuePair.Create("8 GPUs on 4 switches", RealMachines.EightGpusOnFourSwitches),
                KeyValuePair.Create("10 GPUs in chain", RealMachines.TenGpusInChain),
                KeyValuePair.Create("NICs beside GPUs", RealMachines.NicsBesideGpus),
                KeyValuePair.Create("NICs on two sockets", RealMachines.NicsOnTwoSockets),
                KeyValuePair.Create("GPUs on root ports", RealMachines.GpusOnRootPorts),
                KeyValuePair.Create("disks behind VMD", RealMachines.DisksBehindVmd),
                KeyValuePair.Create("desktop", RealMachines.Desktop),
            ]
        );

    [Theory]
    [InlineData("8 GPUs on 4 switches", "", "", 1, "gpu0")]
    [InlineData("8 GPUs on 4 switches", "", "", 2, "gpu0 gpu1")] // one switch
    [InlineData("8 GPUs on 4 switches", "gpu0", "", 2, "gpu2 gpu3")] // a whole switch of the socket that has fewer
    [InlineData("8 GPUs on 4 switches", "gpu0", "", 1, "gpu1")] // the one that is alone already
    [InlineData("8 GPUs on 4 switches", "gpu0 gpu2 gpu4", "", 2, "gpu6 gpu7")] // a switch of socket 1 before two of socket 0
    [InlineData("8 GPUs on 4 switches", "", "", 3, "gpu0 gpu1 gpu2")] // one socket
    [InlineData("8 GPUs on 4 switches", "gpu0", "", 3, "gpu1 gpu2 gpu3")] // that has just enough
    [InlineData("8 GPUs on 4 switches", "", "", 4, "gpu0 gpu1 gpu2 gpu3")]
    [InlineData("8 GPUs on 4 switches", "gpu7", "", 4, "gpu0 gpu1 gpu2 gpu3")]
    [InlineData("8 GPUs on 4 switches", "gpu3", "", 5, "gpu2 gpu4 gpu5 gpu6 gpu7")] // a socket, and the one that breaks no pair
    [InlineData("8 GPUs on 4 switches", "", "", 6, "gpu0 gpu1 gpu2 gpu3 gpu4 gpu5")]
    [InlineData("8 GPUs on 4 switches", "gpu1 gpu5", "", 4, "gpu0 gpu2 gpu3 gpu4")] // three of one socket are nearer than two and two
    [InlineData("8 GPUs on 4 switches", "", "gpu5", 2, "gpu5 gpu4")]
    [InlineData("8 GPUs on 4 switches", "", "gpu5", 4, "gpu5 gpu4 gpu6 gpu7")]
    [InlineData("8 GPUs on 4 switches", "gpu4", "gpu5", 2, "gpu5 gpu6")] // its socket
    [InlineData("10 GPUs in chain", "", "", 4, "gpu0 gpu1 gpu2 gpu3")] // of one switch, and not of both
    [InlineData("10 GPUs in chain", "gpu5 gpu6", "", 4, "gpu0 gpu1 gpu2 gpu3")]
    [InlineData("10 GPUs in chain", "gpu4 gpu9", "", 6, "gpu0 gpu5 gpu6 gpu7 gpu8 gpu1")]
    [InlineData("10 GPUs in chain", "", "gpu0", 2, "gpu0 gpu1")]
    [InlineData("NICs beside GPUs", "", "", 1, "eth0")] // which takes no pair apart
    [InlineData("NICs beside GPUs", "", "", 2, "ib0 ib1")]
    [InlineData("NICs beside GPUs", "ib1 ib3", "", 3, "eth0 ib0 ib2")]
    [InlineData("NICs beside GPUs", "", "eth1", 3, "eth1 ib4 ib5")]
    [InlineData("NICs beside GPUs", "ib4", "eth1", 2, "eth1 ib5")]
    [InlineData("NICs on two sockets", "", "", 2, "a0 a1")]
    [InlineData("NICs on two sockets", "a0 b0 b1", "", 2, "b2 b3")] // so that the other still has seven
    [InlineData("NICs on two sockets", "", "b7", 2, "b7 b0")]
    [InlineData("NICs on two sockets", "", "", 9, "a0 a1 a2 a3 a4 a5 a6 a7 b0")]
    [InlineData("GPUs on root ports", "", "", 2, "gpu1 gpu2")] // one root complex
    [InlineData("GPUs on root ports", "gpu1", "", 2, "gpu6 gpu7")]
    [InlineData("GPUs on root ports", "gpu1 gpu6", "", 2, "gpu0 gpu2")] // one socket
    [InlineData("GPUs on root ports", "", "", 3, "gpu1 gpu2 gpu0")]
    [InlineData("disks behind VMD", "", "", 2, "d8 d9")] // of the controller that has fewest
    [InlineData("disks behind VMD", "", "", 4, "d0 d1 d2 d3")]
    [InlineData("disks behind VMD", "d0", "", 4, "d4 d5 d6 d7")]
    [InlineData("disks behind VMD", "", "", 5, "d0 d1 d2 d3 d4")] // one socket
    [InlineData("desktop", "", "", 2, "usb0 usb1")]
    [InlineData("desktop", "usb1", "", 2, "gpu nic0")] // one root bus
    [InlineData("desktop", "", "", 3, "gpu usb0 usb1")] // no pair is taken apart for it
    [InlineData("desktop", "", "audio", 2, "audio gpu")]
    public void The_devices_are_those_that_lie_together(string machine, string taken, string must, int size, string chosen)
    {
        var units = s_machines[machine];
        ImmutableArray<string> free = [.. units.Keys.Except(Words(taken)).Order(StringComparer.Ordinal)];
        Assert.Equal(
            Words(chosen).Order(StringComparer.Ordinal),
            PreferredAllocation.Choose(units, free, [.. Words(must)], size).Order(StringComparer.Ordinal)
        );
    }

    /// <summary>Of all sets that could be given, none has its nearest common place nearer than the one that is chosen.</summary>
    [Fact]
    public void Nothing_nearer_is_passed_over()
    {
        string[] paths = ["", "a", "b", "a c d", "a c e", "a c e f g", "a c e f h", "b i j", "b i k"];
        var devices = Gen.Elements(paths).Zip(Gen.Elements<int?>(null, 0, 1)).ListOf(7);
        Prop.ForAll(
                devices.Zip(Gen.Choose(1, 6)).ToArbitrary(),
                given =>
                {
                    var (places, size) = given;
                    var units = ImmutableDictionary.CreateRange(
                        StringComparer.Ordinal,
                        places.Select(
                            (p, i) =>
                                Units.At(
                                    $"{i}",
                                    p.Item2,
                                    [.. Words(p.Item1).Select(port => $"0000:0{(port[0] - 'a') / 6}:0{port[0] - 'a':x}.0")]
                                )
                        )
                    );
                    var chosen = PreferredAllocation.Choose(units, [.. units.Keys], [], size);
                    Assert.Equal(size, chosen.Distinct(StringComparer.Ordinal).Count());
                    var nearest = Sets(units.Keys.Order(StringComparer.Ordinal).ToList(), size).Min(s => Distance(units, s));
                    Assert.Equal(nearest, Distance(units, chosen));
                }
            )
            .QuickCheckThrowOnFailure();
    }

    /// <summary>The kubelet waits for the answer before it admits a pod: 64 cards of 256 virtual functions, behind 16 switches.</summary>
    [Fact]
    public void A_large_machine_is_answered_at_once()
    {
        var units = ImmutableDictionary.CreateRange(
            StringComparer.Ordinal,
            from card in Enumerable.Range(0, 64)
            from vf in Enumerable.Range(0, 256)
            select Units.At(
                string.Create(CultureInfo.InvariantCulture, $"{card:d2}-{vf:d3}"),
                card / 32,
                $"0000:{card / 32 * 0x80:x2}:{card / 4 % 8:x2}.0",
                $"0000:{0x10 + (card / 4):x2}:00.0",
                $"0000:{0x30 + (card / 4):x2}:{card % 4:x2}.0"
            )
        );
        foreach (var size in (int[])[1, 2, 300, 1500, 9000])
        {
            var clock = Stopwatch.StartNew();
            Assert.Equal(size, PreferredAllocation.Choose(units, [.. units.Keys], ["17-005"], size).Length);
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{size} took {clock.Elapsed}");
        }
    }

    /// <summary>The rank of the lowest place that has all, and how many ports lie between it and the farthest of them.</summary>
    private static (int Kind, int Ports) Distance(ImmutableDictionary<string, CatalogUnit> units, IEnumerable<string> ids)
    {
        var places = ids.Select(i => units[i].Place).ToList();
        if (places.Count == 1)
            return (0, 0);
        var common = 0;
        while (places.TrueForAll(p => p.Path.Length > common && p.Path[common] == places[0].Path[common]))
            common++;
        if (!places.TrueForAll(p => p.NumaNode == places[0].NumaNode))
            return (4, 0);
        if (common > 0)
            return (1, places.Max(p => p.Path.Length) - common);
        if (places.TrueForAll(p => p.Path.Length > 0 && p.Path[0].AsPci!.Value.Bus == places[0].Path[0].AsPci!.Value.Bus))
            return (2, 0);
        return places[0].NumaNode is null ? (4, 0) : (3, 0);
    }

    private static IEnumerable<ImmutableList<string>> Sets(List<string> of, int size) =>
        size == 0
            ?
            [
                [],
            ]
            : of.SelectMany((first, i) => Sets(of[(i + 1)..], size - 1).Select(rest => rest.Insert(0, first)));

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
