using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Carries a plan out: lanes side by side, steps in order, each disruptive step under a proof that nobody uses what it disturbs.
/// </summary>
public sealed partial class PlanExecutor(
    StepExecutor steps,
    HostWriter writer,
    UsageReader usage,
    IOfferGate gate,
    BreakGlassFile breakGlass,
    KernelThreads threads,
    TimeProvider time,
    ILogger<PlanExecutor> logger
)
{
    /// <summary>How long lanes are waited for before those that are done go on without the others.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<DeviceId, (Lane Lane, Task<LaneOutcome> Task)> _running = [];

    /// <summary>Called, from any thread, when a lane ends that <see cref="ExecuteAsync"/> did not wait for.</summary>
    public Action LaneEnded { get; set; } = () => { };

    /// <summary>Writes that came too late and still hang in the kernel.</summary>
    public ImmutableArray<UnreturnedWrite> Unreturned => writer.Unreturned;

    /// <summary>A moment to be remembered before the machine is looked at for a plan.</summary>
    public long Now => gate.Changes;

    /// <summary>Whether the plan holds a lane that is not under way already.</summary>
    public bool CanStart(Plan plan) => plan.Lanes.Any(l => !_running.Values.Any(r => !r.Task.IsCompleted && r.Lane.Meets(l)));

    /// <summary>
    /// Starts the plan's lanes and returns what has ended: all of them as a rule; without those that take longer than a moment otherwise,
    /// so that one physical function's trouble delays no other. A lane still under way is not started again. Stopping is between two steps:
    /// what was begun is continued by the next plan, from the journal. Not for several threads at once.
    /// </summary>
    /// <param name="asOf"><see cref="Now"/> before the machine was looked at for the plan.</param>
    public async Task<ImmutableArray<LaneOutcome>> ExecuteAsync(
        Plan plan,
        HostInventory inventory,
        long asOf,
        CancellationToken cancellationToken
    )
    {
        foreach (var lane in plan.Lanes)
        {
            if (_running.Values.Any(r => r.Lane.Meets(lane)))
                continue;
            _running[lane.Key] = (lane, threads.RunAsync("lane", () => ExecuteLaneAsync(lane, inventory, asOf, cancellationToken)));
        }

        var all = Task.WhenAll(_running.Values.Select(r => r.Task));
        await Task.WhenAny(all, Task.Delay(Patience, time, cancellationToken)).ConfigureAwait(false);
        var ended = _running.Where(r => r.Value.Task.IsCompleted).ToList();
        foreach (var (key, _) in ended)
            _running.Remove(key);
        foreach (var late in _running.Values)
            _ = late.Task.ContinueWith(_ => LaneEnded(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return [.. await Task.WhenAll(ended.Select(e => e.Value.Task)).ConfigureAwait(false)];
    }

    /// <summary>
    /// Does steps for an answer that somebody waits for, until one is not done. What they must find free is proven so once, before the
    /// first, and held to the end. Who calls this keeps the devices from everybody else.
    /// </summary>
    /// <param name="within">For all of them together.</param>
    public async Task<StepOutcome> ExecuteForAnswerAsync(
        Purpose purpose,
        ImmutableArray<PlanStep> inOrder,
        HostInventory inventory,
        TimeSpan within,
        CancellationToken cancellationToken
    )
    {
        var begun = time.GetTimestamp();
        List<FreedomProof> proofs = [];
        try
        {
            foreach (var alike in inOrder.Where(s => !s.MustBeFree.IsEmpty).GroupBy(s => string.Join(' ', s.MayBeUsed)))
            {
                var proof = usage.Prove(inventory, [.. alike.SelectMany(s => s.MustBeFree).Distinct()], alike.First().MayBeUsed);
                proofs.Add(proof);
                if (!proof.IsFree)
                    return new StepOutcome.InUse(proof.Users);
            }

            foreach (var step in inOrder)
            {
                var left = within - time.GetElapsedTime(begun);
                if (left <= TimeSpan.Zero)
                    return new StepOutcome.Failed(Reasons.StepTimedOut, $"it took longer than {within.TotalSeconds:0.#} s");
                var outcome = await DoAsync(new LaneStep(purpose, step), cancellationToken, left).ConfigureAwait(false);
                if (outcome is StepOutcome.Failed failed)
                    StepFailed(logger, purpose, failed.Message);
                if (outcome is not StepOutcome.Done)
                    return outcome;
            }

            return StepOutcome.Done.Instance;
        }
        finally
        {
            foreach (var proof in proofs)
                proof.Dispose();
        }
    }

    /// <summary>Waits for lanes under way after they were cancelled: at most as long as one write is waited for then.</summary>
    public Task StopAsync() =>
        Task.WhenAll(_running.Values.Select(r => r.Task))
            .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    private async Task<LaneOutcome> ExecuteLaneAsync(Lane lane, HostInventory inventory, long asOf, CancellationToken cancellationToken)
    {
        var (disturbed, touched) = ((ImmutableArray<DeviceId>)[.. lane.Disturbs.Union(lane.Forgets)], lane.Touches);
        var getting = gate.TryClose(disturbed, touched, asOf);
        if (!getting.IsEmpty)
        {
            var first = lane.Steps.FirstOrDefault(s => s.Step.MustBeFree.Length > 0) ?? lane.Steps[0];
            return new LaneOutcome(lane, [new StepResult(first, new StepOutcome.InUse(getting))]);
        }

        try
        {
            return await ExecuteStepsAsync(lane, inventory, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            gate.Open([.. disturbed.Union(touched)]);
        }
    }

    private async Task<LaneOutcome> ExecuteStepsAsync(Lane lane, HostInventory inventory, CancellationToken cancellationToken)
    {
        var results = ImmutableArray.CreateBuilder<StepResult>();
        var given = new HashSet<Purpose>();
        var used = new HashSet<DeviceId>();
        foreach (var step in lane.Steps)
        {
            if (cancellationToken.IsCancellationRequested || breakGlass.IsThere)
                break;
            if (given.Contains(step.Purpose) || (step.Unit is { } unit && used.Contains(unit)))
                continue;
            var outcome = await ExecuteStepAsync(step, inventory, cancellationToken).ConfigureAwait(false);
            results.Add(new StepResult(step, outcome));
            if (outcome is StepOutcome.Done)
                continue;
            given.Add(step.Purpose);
            if (step is { Step: PlanStep.ProveFree, Unit: { } whole })
                used.Add(whole);
            if (outcome is StepOutcome.Failed failed)
                StepFailed(logger, step.Purpose, failed.Message);
        }

        return new LaneOutcome(lane, results.ToImmutable());
    }

    private async Task<StepOutcome> ExecuteStepAsync(LaneStep step, HostInventory inventory, CancellationToken cancellationToken)
    {
        var late = step.Step.MustBeFree.Where(writer.IsBlocked).ToList();
        if (late.Count > 0)
        {
            return new StepOutcome.Failed(
                Reasons.StepTimedOut,
                $"an earlier write for {late[0]} still hangs in the kernel: it goes on when the device is let go"
            );
        }

        if (step.Step.MustBeFree.IsEmpty)
            return await DoAsync(step, cancellationToken).ConfigureAwait(false);
        using var proof = usage.Prove(inventory, step.Step.MustBeFree, step.Step.MayBeUsed);
        return proof.IsFree ? await DoAsync(step, cancellationToken).ConfigureAwait(false) : new StepOutcome.InUse(proof.Users);
    }

    private async Task<StepOutcome> DoAsync(LaneStep step, CancellationToken cancellationToken, TimeSpan? within = null)
    {
        var outcome = await steps.ExecuteAsync(step.Step, cancellationToken, within).ConfigureAwait(false);
        if (outcome is StepOutcome.Done done && (done.What ?? StepWords.Done(step.Step)) is { } what)
            StepDone(logger, step.Purpose, what);
        return outcome;
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "{Purpose}: {What}")]
    private static partial void StepDone(ILogger logger, Purpose purpose, string what);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Warning, Message = "{Purpose}: {Error}")]
    private static partial void StepFailed(ILogger logger, Purpose purpose, string error);
}
