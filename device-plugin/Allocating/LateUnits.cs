using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Units that are there only while somebody has them: brought about for an answer, and removed or given back by the loop when nobody has
/// them.
/// </summary>
internal sealed class LateUnits(UnitStateReader reader, Holdings holdings, PlanExecutor executor)
{
    /// <summary>The kubelet's one loop waits for an answer, and is given one within 10 s (contracts/kubelet.md).</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Brings a unit about, whatever of it is not there yet; null when it is there for this answer. On the caller's thread, which the
    /// kubelet's deadline gives up: what comes too late, or for an answer that comes to nothing, nobody has, so the next look takes it back.
    /// </summary>
    public OfferProblem? BringAbout(Unit unit, HostInventory inventory, CancellationToken cancellationToken)
    {
        if (unit.OnAllocate is not { } late)
            return null;
        if (!UnitReadiness.IsAbsent(unit, reader.Read(unit.Handout)))
            return Left(unit);
        if (GivenUp(unit) is { } givenUp)
            return givenUp;
        if (late.Obstacle is { } obstacle)
            return new OfferProblem(obstacle.Reason, obstacle.Message);
        var done = executor.ExecuteForAnswerAsync(Purpose.Take(unit.Id), late.Steps, inventory, Limit, cancellationToken);
        switch (done.GetAwaiter().GetResult())
        {
            case StepOutcome.InUse inUse:
                return new OfferProblem(Reasons.InUse, $"in use: {string.Join("; ", inUse.Users)}");
            case StepOutcome.Failed { Reason: var reason, Message: var message } when reason == Reasons.StepTimedOut:
                // What a driver did once it does again, and each time the kubelet waits for it and a pod is lost.
                holdings.GiveUp(unit.Id.ToString(), message);
                return GivenUp(unit);
            case StepOutcome.Failed failed:
                return new OfferProblem(failed.Reason, failed.Message);
            default:
                return null;
        }
    }

    /// <summary>Why a unit of this kind must not be offered, beside what planning says; null for all others.</summary>
    public OfferProblem? Problem(Unit unit, HostInventory inventory) =>
        unit.OnAllocate is null ? null
        : UnitReadiness.IsAbsent(unit, UnitReadiness.StateOf(unit, inventory)) ? GivenUp(unit)
        : Left(unit);

    private OfferProblem? GivenUp(Unit unit) =>
        holdings.Ledger.GivenUp.GetValueOrDefault(unit.Id.ToString()) is { } why
            ? new OfferProblem(
                Reasons.StepTimedOut,
                $"{unit.Id} could not be made ready for a pod, and is not offered again before the next boot: {why}. Use binding Static "
                    + "for it, which has the time"
            )
            : null;

    /// <summary>What the last one had is not given to the next: it holds what that one left in it.</summary>
    private OfferProblem? Left(Unit unit) =>
        holdings.Ledger.ById.ContainsKey(unit.Id.ToString())
            ? null
            : new OfferProblem(
                Reasons.Changing,
                $"{unit.Id} is left from a pod that is gone, and is given back before it is given out again"
            );
}
