using System.Collections.Immutable;
using System.Text;
using Hostdev.Crds;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>What a container gets, as an unmodified KubeVirt needs it (contracts/kubevirt.md, 3 to 8).</summary>
public static class AllocateAnswer
{
    /// <summary>
    /// Env and nodes for these units, ordered by device, so that the guest sees them in a stable order. The same units give the same
    /// answer.
    /// </summary>
    public static AllocateOutcome.Granted Compose(ResourceName resource, IEnumerable<(Unit Unit, UnitState State)> units)
    {
        var ordered = units.OrderBy(u => u.Unit.Device).ToList();
        var envs = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        IEnumerable<string> nodes = ordered.SelectMany(u => u.State.Nodes);
        foreach (var alike in ordered.GroupBy(u => u.Unit.Handout.GetType())) // as a rule one: a name is of one class
        {
            var sort = alike.Select(u => u.Unit.Handout).ToList();
            var addresses = string.Join(',', alike.Select(u => u.State.Address));
            switch (sort[0])
            {
                case Handout.VfioGroup:
                    nodes = nodes.Prepend("/dev/vfio/vfio");
                    SayGroups(envs, resource, [.. sort.Cast<Handout.VfioGroup>()]);
                    break;
                case Handout.TypedFunction:
                    nodes = nodes.Prepend("/dev/vfio/vfio");
                    SayGroups(envs, resource, [.. sort.Cast<Handout.TypedFunction>().Select(t => t.Group)]);
                    break;
                case Handout.MediatedDevice:
                    nodes = nodes.Prepend("/dev/vfio/vfio");
                    envs[$"MDEV_PCI_RESOURCE_{resource.EnvSuffix}"] = string.Join(',', sort.Select(h => h.Device));
                    break;
                case Handout.UsbNode:
                    envs[$"USB_RESOURCE_{resource.EnvSuffix}"] = addresses;
                    break;
                case Handout.ScsiNode:
                    envs[$"SCSI_RESOURCE_{resource.EnvSuffix}"] = addresses;
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        return new AllocateOutcome.Granted(envs.ToImmutable(), [.. nodes.Distinct(StringComparer.Ordinal).Select(n => new DeviceNode(n))]);
    }

    private static void SayGroups(
        ImmutableSortedDictionary<string, string>.Builder envs,
        ResourceName resource,
        ImmutableArray<Handout.VfioGroup> groups
    )
    {
        envs[$"PCI_RESOURCE_{resource.EnvSuffix}"] = string.Join(',', groups.Select(g => g.Primary));
        if (groups.Any(g => g.Assigned.Length > 1))
            envs[$"HOSTDEV_{resource.EnvSuffix}_INFO"] = Info(groups);
    }

    // {"0000:43:00.0":["0000:43:00.0","0000:43:00.1"]}: which functions belong to each ID's primary. Addresses need no escaping.
    private static string Info(ImmutableArray<Handout.VfioGroup> groups)
    {
        var json = new StringBuilder("{");
        foreach (var group in groups)
        {
            if (json.Length > 1)
                json.Append(',');
            json.Append('"')
                .Append(group.Primary)
                .Append("\":[")
                .AppendJoin(',', group.Assigned.Select(m => $"\"{m.Address}\""))
                .Append(']');
        }

        return json.Append('}').ToString();
    }
}
