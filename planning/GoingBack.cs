using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>What is ours on this host and in no target: it goes back, as soon as nobody has it.</summary>
internal sealed record GoingBack
{
    /// <summary>Physical functions whose virtual functions we made and that no policy manages any more.</summary>
    public required ImmutableArray<OwnedPhysicalFunction> PhysicalFunctions { get; init; }

    /// <summary>Virtual functions that are removed, with those or because another number is wanted.</summary>
    public required ImmutableHashSet<DeviceId> VirtualFunctions { get; init; }

    /// <summary>Functions that we took, beside those that are removed.</summary>
    public required ImmutableArray<OwnedFunction> Functions { get; init; }

    /// <summary>Mediated devices that we made, as far as they are in no target.</summary>
    public required ImmutableArray<OwnedMdev> Mdevs { get; init; }

    /// <summary>Types that we gave to virtual functions, as far as those are in no target with them.</summary>
    public required ImmutableArray<OwnedVgpu> Vgpus { get; init; }

    /// <summary>What was lent to a pod that has it no more.</summary>
    public required ImmutableArray<OwnedLoan> Loans { get; init; }

    /// <summary>Files that we wrote and that no policy wants written, in the order in which that began.</summary>
    public required ImmutableArray<OwnedAttribute> Attributes { get; init; }

    public static GoingBack Of(Situation situation, Targets targets)
    {
        var (owned, stays) = (situation.Input.Ownership, NeverUnderstood(situation));
        ImmutableArray<OwnedPhysicalFunction> physical =
        [
            .. owned.PhysicalFunctions.Values.Where(o =>
                !targets.PhysicalFunctions.ContainsKey(o.Address) && !stays(o.PolicyUid, o.Address)
            ),
        ];
        ImmutableHashSet<DeviceId> removed =
        [
            .. physical.SelectMany(o => VfSteps.RemovedBy(situation, o)),
            .. targets.PhysicalFunctions.Values.SelectMany(t => VfSteps.RemovedBy(situation, t)),
        ];
        var wanted = targets.Attributes.Select(t => t.File).ToHashSet();
        return new GoingBack
        {
            PhysicalFunctions = physical,
            VirtualFunctions = removed,
            Functions =
            [
                .. owned.Functions.Values.Where(o =>
                    !targets.Functions.ContainsKey(o.Address) && !removed.Contains(o.Address) && !stays(o.PolicyUid, o.Address)
                ),
            ],
            Vgpus =
            [
                .. VgpuSteps
                    .Ours(situation)
                    .Where(o => targets.Vgpus.GetValueOrDefault(o.Address)?.TypeId != o.TypeId && !stays(o.PolicyUid, o.Address)),
            ],
            Loans = [.. owned.Loans.Values.Where(l => !situation.Input.Given.Contains(l.Device))],
            Attributes = [.. owned.Attributes.Where(o => !wanted.Contains(o.File) && !stays(o.PolicyUid, o.File.Device))],
            Mdevs = [.. MdevSteps.Ours(situation).Where(o => !targets.Mdevs.ContainsKey(o.Uuid) && !stays(o.PolicyUid, o.Uuid))],
        };
    }

    /// <summary>
    /// A HostDevice may want virtual functions that a SriovPolicy had made and that go with it: taking them would keep them from ever
    /// going. What of such a unit is no virtual function that goes is not given back meanwhile.
    /// </summary>
    public Restricted Restrict(Targets targets)
    {
        var units = targets.Units.ToLookup(u => u.Claims.Any(VirtualFunctions.Contains));
        return new Restricted(
            targets with
            {
                Units = [.. units[false]],
            },
            [
                .. units[true]
                    .Select(unit => new Finding(
                        unit.Policy,
                        unit.Device.ToString(),
                        FindingState.Waiting,
                        Reasons.ReleaseWaits,
                        $"{unit.Device} is a virtual function that Hostdev made for a policy which is gone, and is removed: "
                            + "keep a SriovPolicy for its physical function"
                    )),
            ]
        );
    }

    /// <summary>
    /// What was taken for a policy of which no version was ever understood: as long as it is desired, nothing of it is given back.
    /// </summary>
    private static Func<string, DeviceId, bool> NeverUnderstood(Situation situation)
    {
        var policies = situation
            .Input.Policies.Where(p => p.InForce is DesiredPolicy.Frozen)
            .Select(p => p.Identity.Uid)
            .ToHashSet(StringComparer.Ordinal);
        return (uid, device) => policies.Contains(uid) && situation.Graph.Has(device);
    }
}
