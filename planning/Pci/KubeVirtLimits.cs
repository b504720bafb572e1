using System.Collections.Immutable;
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

    public static IEnumerable<Finding> Findings(ImmutableArray<Unit> units) =>
        units
            .Groups()
            .Where(u => !Reads(u.Group.Primary))
            .Select(u => new Finding(
                u.Unit.Policy,
                u.Unit.Id.ToString(),
                FindingState.Noticed,
                Reasons.DomainTooLong,
                $"{u.Group.Primary} has a PCI domain of more than four digits, which KubeVirt does not read: "
                    + $"it is offered as {u.Unit.Resource}, and a VM of KubeVirt that gets it does not start"
            ));
}
