using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Lending;

/// <summary>
/// One device that a policy would lend: it is the host's, drivers and all, until a pod is given it, and is the host's again when nobody
/// has it. So it needs no IOMMU, and nothing is done to it before.
/// </summary>
internal sealed record LoanCase(Situation Situation, DesiredPolicy.OfHostDevice Policy, Handout Handout) : ICase
{
    public DeviceId Device => Handout.Device;

    /// <summary>What decides who it is and could not be read.</summary>
    public required ImmutableArray<ReadProblem> Unreadable { get; init; }

    /// <summary>What an admin calls it: goes on after its ID.</summary>
    public required string Called { get; init; }

    /// <summary>Every selector that matches it passes over what the host needs.</summary>
    public required bool PassesOver { get; init; }

    /// <summary>It has nothing by which a policy could name it for good.</summary>
    public bool IsNameless { get; init; }

    /// <summary>A pod has it by an answer of ours: what is used of it then is used by that pod.</summary>
    public bool IsLent => Situation.Input.Given.Contains(Device);

    /// <summary>
    /// A stick and the disk that it is are one: who has the one may take the other's driver from it. Their controller is used by all that
    /// is below it.
    /// </summary>
    public ImmutableArray<DeviceId> Others => [.. Situation.Graph.Kin(Device).Where(IsLentToo).Where(d => d != Device).Order()];

    private static bool IsLentToo(DeviceId device) => device.Class is DeviceClass.Usb or DeviceClass.Scsi;

    /// <summary>Who uses it, and whom the policy does not pass over.</summary>
    public ImmutableArray<DeviceUser> UsersInTheWay =>
        IsLent
            ? []
            :
            [
                .. Situation
                    .Graph.Kin(Device)
                    .Where(IsLentToo)
                    .SelectMany(d => Situation.Input.Usage.UsersOf(d))
                    .Distinct()
                    .Where(u => u.Protection is not { } p || !Policy.Spec.AllowProtected.Contains(p)),
            ];

    /// <summary>Uses that the policy passes over.</summary>
    public ImmutableArray<UserKind> Overridden =>
        [.. Enum.GetValues<UserKind>().Where(k => new DeviceUser(k, "").Protection is { } p && Policy.Spec.AllowProtected.Contains(p))];

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy.Identity, Device.ToString(), state, reason, message);
}
