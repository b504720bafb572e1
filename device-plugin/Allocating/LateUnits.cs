using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>Units that are there only while somebody has them: made for an answer, and removed by the loop when nobody has them.</summary>
/// <param name="act">Does one step to the host.</param>
internal sealed class LateUnits(UnitStateReader reader, Holdings holdings, Func<PlanStep, CancellationToken, Task<StepOutcome>> act)
{
    /// <summary>Whether it is such a unit and is not there.</summary>
    public static bool IsAbsent(Unit unit, UnitState state) => unit.OnAllocate is not null && state.Drivers.IsEmpty;

    /// <summary>
    /// Makes a unit, whatever of it is not there yet; null when it is there for this answer. On the caller's thread, which the kubelet's
    /// deadline gives up: what is made too late, or for an answer that comes to nothing, nobody has, so the next look removes it.
    /// </summary>
    public OfferProblem? BringAbout(Unit unit, CancellationToken cancellationToken)
    {
        if (unit.OnAllocate is not { } late)
            return null;
        var state = reader.Read(unit.Handout);
        if (!state.Drivers.IsEmpty)
            return OfferProblem.Of(Reasons.NotReady, state.Problem) ?? Left(unit);
        foreach (var step in late.Steps)
        {
            if (act(step, cancellationToken).GetAwaiter().GetResult() is StepOutcome.Failed failed)
                return new OfferProblem(failed.Reason, failed.Message);
        }

        return null;
    }

    /// <summary>Why a unit that is there must not be offered; null for all that are somebody's or not there.</summary>
    public OfferProblem? Left(Unit unit, HostInventory inventory) =>
        unit.OnAllocate is null || UnitReadiness.StateOf(unit, inventory).Drivers.IsEmpty ? null : Left(unit);

    /// <summary>What the last one had is not given to the next: it holds what that one left in it.</summary>
    private OfferProblem? Left(Unit unit) =>
        holdings.Ledger.ById.ContainsKey(unit.Id.ToString())
            ? null
            : new OfferProblem(Reasons.Changing, $"{unit.Id} is left from a pod that is gone, and is removed before it is made again");
}
