using System.Collections.Concurrent;
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
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(8);

    /// <summary>With less than this left for one of several, nothing is begun: what is slow is not known by it.</summary>
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(4);

    private readonly ConcurrentDictionary<string, (string Answer, OfferProblem Problem)> _met = new(StringComparer.Ordinal);

    /// <summary>
    /// A unit got a number that stands in an answer, which is known only when it is there. It is taken back by the next look, and would get
    /// the same number again for as long as that answer stands.
    /// </summary>
    public OfferProblem Met(Unit unit, (string Id, string Message) answer)
    {
        var problem = new OfferProblem(
            Reasons.NodeAnswered,
            $"made ready for a pod it got a node that is another pod's, so it is taken back: {answer.Message}"
        );
        _met[unit.Id.ToString()] = (answer.Id, problem);
        return problem;
    }

    /// <summary>What it met, as long as that stands; null as a rule.</summary>
    public OfferProblem? Meets(Unit unit) =>
        _met.TryGetValue(unit.Id.ToString(), out var met) && holdings.Ledger.ById.ContainsKey(met.Answer) ? met.Problem : null;

    /// <summary>
    /// Brings a unit about, whatever of it is not there yet; null when it is there for this answer. On the caller's thread, which the
    /// kubelet's deadline gives up: what comes too late, or for an answer that comes to nothing, nobody has, so the next look takes it
    /// back.
    /// </summary>
    /// <param name="within">What is left of <see cref="Limit"/> for it.</param>
    public OfferProblem? BringAbout(Unit unit, HostInventory inventory, TimeSpan within, CancellationToken cancellationToken)
    {
        if (unit.OnAllocate is not { } late)
            return null;
        if (late.IsLent && holdings.Ledger.ById.ContainsKey(unit.Id.ToString()))
            return null; // the same answer once more
        if (!late.IsLent && !UnitReadiness.IsAbsent(unit, reader.Read(unit.Handout)))
            return Left(unit);
        if ((GivenUp(unit) ?? Meets(unit)) is { } problem)
            return problem;
        if (late.Obstacle is { } obstacle)
            return new OfferProblem(obstacle.Reason, obstacle.Message);
        if (within < LeastTime)
            return new OfferProblem(Reasons.StepTimedOut, $"the others of this answer took so long that no time is left for {unit.Id}");
        var done = executor.ExecuteForAnswerAsync(Purpose.Take(unit.Id), late.Steps, inventory, within, cancellationToken);
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
    public OfferProblem? Problem(Unit unit, HostInventory inventory)
    {
        if (unit.OnAllocate is not { IsLent: false })
            return null;
        var state = UnitReadiness.StateOf(unit, inventory);
        if (!UnitReadiness.IsAbsent(unit, state))
            return Left(unit);
        return holdings.Ledger.ById.ContainsKey(unit.Id.ToString())
            ? OfferProblem.Of(Reasons.NotReady, state.Problem) // it was taken from the pod that has it
            : GivenUp(unit) ?? Meets(unit);
    }

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
