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
    private readonly SortedDictionary<string, PlaceTree> _parts = new(StringComparer.Ordinal);

    /// <summary>How many devices have so many ports between this and themselves; above the ports these make no difference.</summary>
    private readonly SortedDictionary<int, int> _below = [];

    private int _count;
    private string _first = "";

    private PlaceTree(PlaceKind kind, PlaceTree? parent) => (Kind, Parent) = (kind, parent);

    public PlaceKind Kind { get; }

    public PlaceTree? Parent { get; }

    /// <summary>How many devices are in it.</summary>
    public int Count => _count;

    /// <summary>The first ID of it.</summary>
    public string First => _first;

    public IEnumerable<PlaceTree> Parts => _parts.Values;

    /// <summary>All IDs in it.</summary>
    public IEnumerable<string> All => Kind == PlaceKind.Device ? [First] : _parts.Values.SelectMany(p => p.All);

    /// <summary>The machine with these IDs. What has no place is nowhere: near to nothing.</summary>
    public static PlaceTree Of(IEnumerable<(string Id, Place? Place)> devices)
    {
        var machine = new PlaceTree(PlaceKind.Machine, null);
        foreach (var (id, at) in devices)
        {
            var place = machine;
            place.Take(id, 0);
            var steps = at is null ? [] : Steps(at);
            foreach (var (kind, name, below) in steps.Append((PlaceKind.Device, $"device {id}", 0)))
            {
                place = place.Part(kind, name);
                place.Take(id, below);
            }
        }

        return machine;
    }

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
    public PlaceTree Within(int ports) => CountWithin(ports) == Count ? this : Without(Parent, ports);

    private PlaceTree Without(PlaceTree? parent, int ports)
    {
        var copy = new PlaceTree(Kind, parent);
        foreach (var (name, part) in _parts)
        {
            var left = part.Kind == PlaceKind.Device ? part : part.Without(copy, ports - 1);
            if (left.Count == 0 || (part.Kind == PlaceKind.Device && ports < 0))
                continue;
            copy._parts.Add(name, left);
            copy._count += left.Count;
            copy._first = copy.First.Length == 0 || string.CompareOrdinal(left.First, copy.First) < 0 ? left.First : copy.First;
        }

        foreach (var (below, devices) in _below.Where(b => b.Key <= ports))
            copy._below.Add(below, devices);
        return copy;
    }

    /// <summary>From the machine down to the device; with how many ports are below each.</summary>
    private static IEnumerable<(PlaceKind Kind, string Name, int Below)> Steps(Place place)
    {
        if (place.NumaNode is { } node)
            yield return (PlaceKind.NumaNode, string.Create(CultureInfo.InvariantCulture, $"node {node}"), 0);
        if (place.Path.IsEmpty)
            yield break;
        yield return (PlaceKind.RootBus, RootBus(place.Path[0]), 0);
        for (var i = 0; i < place.Path.Length; i++)
            yield return (PlaceKind.Port, place.Path[i].ToString(), place.Path.Length - 1 - i);
    }

    private static string RootBus(DeviceId root) =>
        root.AsPci is { } at ? string.Create(CultureInfo.InvariantCulture, $"bus {at.Domain:x4}:{at.Bus:x2}") : $"bus of {root}";

    private PlaceTree Part(PlaceKind kind, string name)
    {
        if (!_parts.TryGetValue(name, out var part))
            _parts.Add(name, part = new PlaceTree(kind, this));
        return part;
    }

    private void Take(string id, int below)
    {
        _first = Count == 0 || string.CompareOrdinal(id, First) < 0 ? id : First;
        _count++;
        _below[below] = _below.GetValueOrDefault(below) + 1;
    }
}
