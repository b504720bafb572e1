using System.Collections.Immutable;
using System.Text;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>What a container gets, as an unmodified KubeVirt needs it (contracts/kubevirt.md, 3 to 8).</summary>
public static class AllocateAnswer
{
    /// <summary>Env and nodes for these units, ordered by address, so that the guest sees them in a stable order. The same units give the same answer.</summary>
    public static AllocateOutcome.Granted Compose(ResourceName resource, IEnumerable<(Unit Unit, UnitState State)> units)
    {
        var ordered = units.OrderBy(u => u.Unit.Primary).ToList();
        var envs = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        envs[$"PCI_RESOURCE_{resource.EnvSuffix}"] = string.Join(',', ordered.Select(u => u.Unit.Primary));
        if (ordered.Any(u => u.Unit.Assigned.Length > 1)) envs[$"HOSTDEV_{resource.EnvSuffix}_INFO"] = Info(ordered.Select(u => u.Unit));
        var nodes = ordered.SelectMany(u => NodesOf(u.Unit, u.State)).Prepend("/dev/vfio/vfio").Distinct(StringComparer.Ordinal);
        return new AllocateOutcome.Granted(envs.ToImmutable(), [.. nodes.Select(n => new DeviceNode(n))]);
    }

    /// <summary>The nodes that are the unit's own: its group, and the cdevs of its assigned functions where the policy wants them and the host has them.</summary>
    public static IEnumerable<string> NodesOf(Unit unit, UnitState state)
    {
        yield return $"/dev/vfio/{state.Group}";
        if (unit.IommuBackend != IommuBackend.LegacyAndCdev) yield break;
        foreach (var member in unit.Assigned)
        {
            if (state.Cdevs.TryGetValue(member.Address, out var cdev)) yield return $"/dev/vfio/devices/{cdev}";
        }
    }

    // {"0000:43:00.0":["0000:43:00.0","0000:43:00.1"]}: which functions belong to each ID's primary. Addresses need no escaping.
    private static string Info(IEnumerable<Unit> units)
    {
        var json = new StringBuilder("{");
        foreach (var unit in units)
        {
            if (json.Length > 1) json.Append(',');
            json.Append('"').Append(unit.Primary).Append("\":[").AppendJoin(',', unit.Assigned.Select(m => $"\"{m.Address}\"")).Append(']');
        }

        return json.Append('}').ToString();
    }
}
