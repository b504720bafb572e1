using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.Planning.Places;

/// <summary>Where two devices part, from near to far (as <c>nvidia-smi topo</c> tells PIX, PHB, NODE and SYS).</summary>
public enum PlaceKind
{
    Device,

    /// <summary>A port, or a controller: their traffic does not leave it.</summary>
    Port,

    /// <summary>A host bridge: what is below root ports of one root bus.</summary>
    RootBus,
    NumaNode,
    Machine,
}

/// <summary>
/// A part of the machine with the devices in it that are to be had: the machine, its NUMA nodes, their root buses, then each port down to
/// the one that a device is plugged into, and the device. The nearest common upstream port of two devices is so the lowest place that has
/// both.
/// </summary>
public sealed class PlaceTree
{
    private readonly ImmutableArray<Located> _devices;
    private readonly int _depth;

    /// <summary>How many devices have so many ports between this and themselves; above the ports these make no difference.</summary>
    private readonly ImmutableSortedDictionary<int, int> _below;

    private PlaceTree(PlaceKind kind, PlaceTree? parent, int depth, ImmutableArray<Located> devices)
    {
        (Kind, Parent, _depth, _devices) = (kind, parent, depth, devices);
        First = devices.Select(d => d.Id).Min(StringComparer.Ordinal) ?? "";
        _below = devices.CountBy(d => d.Below(depth)).ToImmutableSortedDictionary();
        Parts =
        [
            .. devices
                .Where(d => depth < d.Steps.Length)
                .GroupBy(d => d.Steps[depth].Name, StringComparer.Ordinal)
                .OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => new PlaceTree(g.First().Steps[depth].Kind, this, depth + 1, [.. g])),
        ];
    }

    public PlaceKind Kind { get; }

    public PlaceTree? Parent { get; }

    /// <summary>How many devices are in it.</summary>
    public int Count => _devices.Length;

    /// <summary>The first ID of it.</summary>
    public string First { get; }

    public ImmutableArray<PlaceTree> Parts { get; }

    /// <summary>All IDs in it.</summary>
    public IEnumerable<string> All => Kind == PlaceKind.Device ? [First] : Parts.SelectMany(p => p.All);

    /// <summary>The machine with these IDs. What has no place is nowhere: near to nothing.</summary>
    public static PlaceTree Of(IEnumerable<(string Id, Place? Place)> devices) =>
        new(
            PlaceKind.Machine,
            null,
            0,
            [
                .. devices.Select(d => new Located(
                    d.Id,
                    [.. d.Place is null ? [] : Steps(d.Place), new Step(PlaceKind.Device, $"device {d.Id}", 0)]
                )),
            ]
        );

    /// <summary>How many ports lie at least between this and the farthest of so many devices.</summary>
    public int PortsTo(int count)
    {
        foreach (var (ports, devices) in _below)
        {
            count -= devices;
            if (count <= 0)
                return ports;
        }

        throw new InvalidOperationException("so many devices are not in it");
    }

    public int CountWithin(int ports) => _below.Where(b => b.Key <= ports).Sum(b => b.Value);

    /// <summary>This with the devices alone that have so many ports at most between this and themselves.</summary>
    public PlaceTree Within(int ports) =>
        CountWithin(ports) == Count ? this : new PlaceTree(Kind, Parent, _depth, [.. _devices.Where(d => d.Below(_depth) <= ports)]);

    /// <summary>From the machine down to the device; with how many ports are below each.</summary>
    private static IEnumerable<Step> Steps(Place place)
    {
        if (place.NumaNode is { } node)
            yield return new(PlaceKind.NumaNode, string.Create(CultureInfo.InvariantCulture, $"node {node}"), 0);
        if (place.Path.IsEmpty)
            yield break;
        yield return new(PlaceKind.RootBus, RootBus(place.Path[0]), 0);
        for (var i = 0; i < place.Path.Length; i++)
            yield return new(PlaceKind.Port, place.Path[i].ToString(), place.Path.Length - 1 - i);
    }

    private static string RootBus(DeviceId root) =>
        root.AsPci is { } at ? string.Create(CultureInfo.InvariantCulture, $"bus {at.Domain:x4}:{at.Bus:x2}") : $"bus of {root}";

    /// <param name="Below">How many ports are below it on the way.</param>
    private readonly record struct Step(PlaceKind Kind, string Name, int Below);

    /// <param name="Steps">The way to it, from below the machine on, itself at the end.</param>
    private sealed record Located(string Id, ImmutableArray<Step> Steps)
    {
        /// <summary>How many ports lie between it and the place that is so deep on its way.</summary>
        public int Below(int depth) => depth == 0 ? 0 : Steps[depth - 1].Below;
    }
}
