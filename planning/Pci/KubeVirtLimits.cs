using Hostdev.Crds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Units that are fit to be offered and that KubeVirt cannot use all the same (contracts/kubevirt.md): said, because its own words come
/// late and name no cause.
/// </summary>
internal static class KubeVirtLimits
{
    /// <summary>KubeVirt's launcher reads a PCI domain of exactly four digits (<c>pkg/util/hardware/hw_utils.go</c>).</summary>
    private const uint LastDomain = 0xffff;

    public static bool Reads(PciAddress address) => address.Domain <= LastDomain;

    public static void Say(PlanningContext context)
    {
        foreach (var (unit, group) in context.Units.Groups().Where(u => !Reads(u.Group.Primary)))
        {
            var message =
                $"{group.Primary} has a PCI domain of more than four digits, which KubeVirt does not read: "
                + $"it is offered as {unit.Resource}, and a VM of KubeVirt that gets it does not start";
            context.Findings.Add(new Finding(unit.Policy, unit.Id.ToString(), FindingState.Noticed, Reasons.DomainTooLong, message));
        }
    }
}
