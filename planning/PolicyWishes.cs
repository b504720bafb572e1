using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.DeviceGroups;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Scsi;
using Hostdev.Planning.Sriov;
using Hostdev.Planning.Usb;

namespace Hostdev.Planning;

/// <summary>What one policy wishes of this host, as if it were the only one.</summary>
internal sealed record PolicyWishes
{
    /// <summary>In the order in which they are decided over.</summary>
    public ImmutableArray<Wish> Wishes { get; init; } = [];

    /// <summary>What it wishes to have in groups, which are made after its wishes are decided over; null as a rule.</summary>
    public GroupWishes? Together { get; init; }

    /// <summary>Everything that it wishes, one by one.</summary>
    public IEnumerable<Wish> All => Wishes.Concat(Together?.Pieces.Select(p => p.Wish) ?? []);

    /// <summary>What is said beside its wishes, and before them.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];

    /// <summary>What is in the way behind what is said of the policy or of a device as a whole, so that it came to no wish.</summary>
    public Func<ImmutableArray<Finding>> Behind { get; init; } = () => [];

    /// <summary>All that is in the way of it.</summary>
    private ImmutableArray<Finding> InTheWay =>
        [.. Findings.Where(f => f.State.IsInTheWay), .. Behind(), .. All.SelectMany(w => w.InTheWay)];

    /// <summary>How many devices (units or physical functions) its selectors match.</summary>
    public int Matched { get; init; }

    /// <summary>Where nothing matches: what there is instead; null when there is nothing to say.</summary>
    public string? Hint { get; init; }

    /// <summary>How many units more it names than there is room for.</summary>
    public int Missing { get; init; }

    /// <summary>What comes of it depends on room that comes and goes without an event: it is to be looked at again.</summary>
    public bool AsksForRoom { get; init; }

    /// <summary>What its selectors mean; null where they were not asked.</summary>
    public Chosen? Chosen { get; init; }

    public static PolicyWishes Of(Situation situation, EffectivePolicy policy)
    {
        var wishes = situation.Names.Conflicts.GetValueOrDefault(policy.Identity) is { } conflict
            ? new PolicyWishes
            {
                Findings = [new(policy.Identity, policy.Identity.ToString(), FindingState.Blocked, Reasons.ResourceNameConflict, conflict)],
                Behind = () => Of(situation, policy.InForce).InTheWay,
            }
            : Of(situation, policy.InForce);
        return policy.NotUnderstood is { } newer ? wishes with { Findings = [newer, .. wishes.Findings] } : wishes;
    }

    private static PolicyWishes Of(Situation situation, DesiredPolicy policy)
    {
        var ruling = PolicyChecks.All.Judge(new PolicyCase(policy));
        if (ruling.Refuses)
            return new PolicyWishes { Findings = ruling.Findings };
        var wishes = policy switch
        {
            DesiredPolicy.OfHostDevice { Spec.Devices.Pci: { } pci } p => HostDevicePlanner.WishesOf(situation, p, pci),
            DesiredPolicy.OfHostDevice { Spec.Devices.Group: { } group } p => DeviceGroupPlanner.WishesOf(situation, p, group),
            DesiredPolicy.OfHostDevice { Spec.Devices.Usb: { } usb } p => UsbPlanner.WishesOf(situation, p, usb),
            DesiredPolicy.OfHostDevice { Spec.Devices.Scsi: { } scsi } p => ScsiPlanner.WishesOf(situation, p, scsi),
            DesiredPolicy.OfSriovPolicy p => SriovPlanner.WishesOf(situation, p),
            DesiredPolicy.OfMdevProfile p => MdevPlanner.WishesOf(situation, p),
            _ => new PolicyWishes(),
        };
        return WithoutPassedOver(wishes with { Findings = [.. ruling.Findings, .. wishes.Findings] });
    }

    /// <summary>What is passed over counts as not matched, so that it lacks nowhere.</summary>
    private static PolicyWishes WithoutPassedOver(PolicyWishes wishes)
    {
        var passed = wishes.Wishes.Count(w => w.IsPassedOver);
        if (passed == 0)
            return wishes;
        var matched = wishes.Matched - passed;
        return wishes with
        {
            Wishes = [.. wishes.Wishes.Select(w => w.IsPassedOver ? w.PassedOver() : w)],
            Matched = matched,
            Hint = matched > 0 ? wishes.Hint : $" that the host does not need, and passes over {passed}",
        };
    }
}
