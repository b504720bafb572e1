using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Kubectl.Answers;

/// <summary>
/// What a node's report does not tell and a policy's outcome depends on: each a row, so that silence is never taken for no.
/// </summary>
internal static class ReportGaps
{
    /// <param name="policies">Those that change for the node.</param>
    public static IEnumerable<PlannedChange> Of(string node, NodeDeviceStateStatus status, IEnumerable<DesiredPolicy> policies) =>
        policies
            .SelectMany(p => Sentences(p, status).Select(s => $"{p.Identity}: {s}"))
            .Concat(status.Truncated ? ["its status is cut, because it is too long: what it lacks may be meant too"] : [])
            .Concat(
                status.VirtualFunctions.Sum(v => (long)(v?.Current ?? 0)) > ReportedMachine.MostVfs
                    ? [$"it reports more than {ReportedMachine.MostVfs} virtual functions: no more than these are looked at"]
                    : []
            )
            .Distinct(StringComparer.Ordinal)
            .Select(s => new PlannedChange
            {
                Node = node,
                Change = PlannedUse.Unknown,
                Message = s,
            });

    private static IEnumerable<string> Sentences(DesiredPolicy policy, NodeDeviceStateStatus status)
    {
        var isOld = status.Devices.Any(d =>
            d is not null && (d.Class ?? DeviceClass.Pci.Word()) == DeviceClass.Pci.Word() && d.Pci?.ClassCode is null
        );
        switch (policy)
        {
            case DesiredPolicy.OfMdevProfile:
                yield return "which types its cards have, and room for how many, is known to the node alone: "
                    + "hostdev-device-plugin plan says it there";
                break;
            case DesiredPolicy.OfSriovPolicy when isOld:
                yield return "its agent is of a version that does not report which functions can have virtual ones: upgrade it";
                break;
            case DesiredPolicy.OfHostDevice { Spec.Devices: var devices } when devices.AllPci.Any():
                if (isOld && devices.AllPci.Any(p => p.Selectors.Any(AsksForMore)))
                {
                    yield return "its agent is of a version that does not report class, subsystem and slot of its devices: upgrade it, or "
                        + "select by vendor, device or address";
                }

                if (devices.AllPci.Any(p => p.VirtualFunctions) && !status.VirtualFunctions.IsEmpty)
                    yield return "which of its virtual functions the selectors match is known to the node alone, whose report has ranges "
                        + "of them";
                if (devices.Group is not null)
                    yield return "what lies near to what is known to the node alone, and so is which devices make a group";
                break;
            case DesiredPolicy.OfHostDevice { Spec.Devices.Scsi: { } scsi }
                when scsi.Selectors.Any(s => s.Wwid is not null || s.Address is not null)
                    && status.Devices.Any(d => d is { Scsi: { Address: null } }):
                yield return "its agent is of a version that does not report wwid and address of SCSI devices: upgrade it, or select by "
                    + "serial";
                break;
            case DesiredPolicy.Frozen frozen:
                yield return $"it is not understood by this version of kubectl-hostdev: {frozen.Message}";
                break;
        }
    }

    private static bool AsksForMore(PciProperties selector) =>
        selector is { Class: not null } or { SubsystemVendor: not null } or { SubsystemDevice: not null } or { Slot: not null };
}
