using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>What a container gets, as an unmodified KubeVirt needs it (contracts/kubevirt.md, 3 to 8).</summary>
public static class AllocateAnswer
{
    /// <summary>
    /// Env and nodes for these units, ordered by device, so that the guest sees them in a stable order. The same units give the same
    /// answer.
    /// </summary>
    /// <param name="inventory">The reading of the machine that the units are offered by; null where there is none.</param>
    public static AllocateOutcome.Granted Compose(
        ResourceName resource,
        IEnumerable<(Unit Unit, UnitState State)> units,
        HostInventory? inventory
    )
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
                    SayGroups(envs, resource, sort.Cast<Handout.VfioGroup>());
                    break;
                case Handout.TypedFunction:
                    nodes = nodes.Prepend("/dev/vfio/vfio");
                    SayGroups(envs, resource, sort.Cast<Handout.TypedFunction>().Select(t => t.Group));
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

        var info = DeviceInfos.Of(resource, ordered, inventory);
        Tell(envs, $"HOSTDEV_{resource.EnvSuffix}_INFO", info.ToJson());
        var vmms = ordered.SelectMany(u => u.Unit.Vmms).Distinct().ToList();
        foreach (var vmm in vmms)
            TellArguments(envs, vmm, info, resource.EnvSuffix, inventory);
        if (vmms.Count > 0 && HasIommufd(inventory) && info.Devices.Any(d => d.HasCdevs))
            nodes = nodes.Append("/dev/iommu"); // KubeVirt's launcher has its own way to it, and asks for no arguments
        return new AllocateOutcome.Granted(envs.ToImmutable(), [.. nodes.Distinct(StringComparer.Ordinal).Select(n => new DeviceNode(n))]);
    }

    private static void TellArguments(
        ImmutableSortedDictionary<string, string>.Builder envs,
        Vmm vmm,
        DeviceInfo info,
        string suffix,
        HostInventory? inventory
    )
    {
        switch (vmm)
        {
            case Vmm.Qemu:
                Tell(envs, $"HOSTDEV_{suffix}_QEMU_ARGS", QemuArguments.Of(info, suffix, HasIommufd(inventory)));
                break;
            case Vmm.CloudHypervisor:
                var room = LowMmio.OfCloudHypervisor(inventory?.Facts.Architecture ?? "");
                var arguments = CloudHypervisorArguments.Of(info, room, HasIommufd(inventory));
                Tell(envs, $"HOSTDEV_{suffix}_CLOUD_HYPERVISOR_ARGS", arguments?.Arguments);
                Tell(envs, $"HOSTDEV_{suffix}_CLOUD_HYPERVISOR_PLATFORM", arguments?.Platform);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static bool HasIommufd(HostInventory? inventory) => inventory?.Facts.Iommufd == true;

    /// <summary>A variable that is too long would keep the container from starting.</summary>
    private static void Tell(ImmutableSortedDictionary<string, string>.Builder envs, string name, string? value)
    {
        if (value is not null && value.Length <= DeviceInfo.MostBytes)
            envs[name] = value;
    }

    private static void SayGroups(
        ImmutableSortedDictionary<string, string>.Builder envs,
        ResourceName resource,
        IEnumerable<Handout.VfioGroup> groups
    ) => envs[$"PCI_RESOURCE_{resource.EnvSuffix}"] = string.Join(',', groups.Select(g => g.Primary));
}
