using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>What the host is to be brought to: what one wish comes to, and what all do that are granted.</summary>
internal sealed record Targets
{
    public static Targets None { get; } = new();

    /// <summary>In the order of their policies.</summary>
    public ImmutableArray<Unit> Units { get; init; } = [];

    public ImmutableDictionary<DeviceId, FunctionTarget> Functions { get; init; } = ImmutableDictionary<DeviceId, FunctionTarget>.Empty;

    public ImmutableDictionary<DeviceId, VfTarget> PhysicalFunctions { get; init; } = ImmutableDictionary<DeviceId, VfTarget>.Empty;

    public ImmutableDictionary<DeviceId, MdevTarget> Mdevs { get; init; } = ImmutableDictionary<DeviceId, MdevTarget>.Empty;

    /// <summary>Virtual functions that are to have a type of vGPU.</summary>
    public ImmutableDictionary<DeviceId, VgpuTarget> Vgpus { get; init; } = ImmutableDictionary<DeviceId, VgpuTarget>.Empty;

    /// <summary>Devices that are there only while somebody has them.</summary>
    public ImmutableHashSet<DeviceId> OnAllocate { get; init; } = [];

    /// <summary>It is there only while somebody has it, and a pod has it: of that nothing is said, for it is as it is meant.</summary>
    public bool IsWithAPod(DeviceId device, IEnumerable<DeviceUser> users) =>
        OnAllocate.Contains(device) && users.Any(u => u.Kind == UserKind.Pod);

    /// <summary>Virtual functions that a pool leaves to the host's own driver.</summary>
    public ImmutableHashSet<DeviceId> Native { get; init; } = [];

    /// <summary>Devices of units that a policy wants as soon as somebody lets go.</summary>
    public ImmutableHashSet<DeviceId> Awaited { get; init; } = [];

    /// <summary>The devices that policies name, may they have them now or not, with the unit that each is of.</summary>
    public ImmutableDictionary<DeviceId, DeviceId> Named { get; init; } = ImmutableDictionary<DeviceId, DeviceId>.Empty;

    public static Targets Of(ImmutableArray<Decision> decisions)
    {
        var granted = decisions.Where(d => d.IsGranted).Select(d => d.Wish.Granted).ToList();
        return new Targets
        {
            Units = [.. granted.SelectMany(t => t.Units)],
            Functions = FirstOfEach(granted.SelectMany(t => t.Functions)),
            PhysicalFunctions = FirstOfEach(granted.SelectMany(t => t.PhysicalFunctions)),
            Mdevs = FirstOfEach(granted.SelectMany(t => t.Mdevs)),
            Vgpus = FirstOfEach(granted.SelectMany(t => t.Vgpus)),
            OnAllocate = [.. granted.SelectMany(t => t.OnAllocate)],
            Native = [.. granted.SelectMany(t => t.Native)],
            Awaited = [.. granted.SelectMany(t => t.Awaited)],
            Named = FirstOfEach(decisions.SelectMany(d => d.Wish.Named)),
        };
    }

    private static ImmutableDictionary<DeviceId, T> FirstOfEach<T>(IEnumerable<KeyValuePair<DeviceId, T>> all)
    {
        var first = ImmutableDictionary.CreateBuilder<DeviceId, T>();
        foreach (var (device, value) in all)
            first.TryAdd(device, value);
        return first.ToImmutable();
    }
}
