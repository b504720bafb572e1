using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host.Usage;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Carries a plan out: lanes side by side, steps in order, each disruptive step under a proof that nobody uses what it disturbs.</summary>
public sealed partial class PlanExecutor(StepExecutor steps, HostWriter writer, UsageReader usage, IOfferGate gate, ILogger<PlanExecutor> logger)
{
    /// <summary>
    /// Runs all lanes to their ends. A lane that fails or hangs stops no other. Stopping is between two steps: what was begun is continued by the next plan,
    /// from the journal.
    /// </summary>
    public async Task<ImmutableArray<LaneOutcome>> ExecuteAsync(Plan plan, HostInventory inventory, CancellationToken cancellationToken) =>
        [.. await Task.WhenAll(plan.Lanes.Select(lane => Task.Run(() => ExecuteLaneAsync(lane, inventory, cancellationToken), CancellationToken.None))).ConfigureAwait(false)];

    private async Task<LaneOutcome> ExecuteLaneAsync(Lane lane, HostInventory inventory, CancellationToken cancellationToken)
    {
        var disturbed = lane.Disturbs;
        var getting = gate.TryClose(disturbed);
        if (!getting.IsEmpty)
        {
            var first = lane.Steps.First(s => s.Step.MustBeFree.Length > 0);
            return new LaneOutcome(lane, [new StepResult(first, new StepOutcome.InUse(getting))]);
        }

        try
        {
            return await ExecuteStepsAsync(lane, inventory, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            gate.Open(disturbed);
        }
    }

    private async Task<LaneOutcome> ExecuteStepsAsync(Lane lane, HostInventory inventory, CancellationToken cancellationToken)
    {
        var results = ImmutableArray.CreateBuilder<StepResult>();
        var given = new HashSet<string>(StringComparer.Ordinal);
        foreach (var step in lane.Steps)
        {
            if (cancellationToken.IsCancellationRequested) break;
            if (given.Contains(step.Purpose)) continue;
            var outcome = await ExecuteStepAsync(step, inventory, cancellationToken).ConfigureAwait(false);
            results.Add(new StepResult(step, outcome));
            if (outcome is StepOutcome.Done) continue;
            given.Add(step.Purpose);
            if (outcome is StepOutcome.Failed failed) StepFailed(logger, step.Purpose, failed.Message);
        }

        return new LaneOutcome(lane, results.ToImmutable());
    }

    private async Task<StepOutcome> ExecuteStepAsync(LaneStep step, HostInventory inventory, CancellationToken cancellationToken)
    {
        var late = step.Step.MustBeFree.Where(writer.IsBlocked).ToList();
        if (late.Count > 0)
        {
            return new StepOutcome.Failed(Reasons.StepTimedOut, $"an earlier write for {late[0]} still hangs in the kernel: it goes on when the device is let go");
        }

        if (step.Step.MustBeFree.IsEmpty) return await DoAsync(step, cancellationToken).ConfigureAwait(false);
        var overridden = step.Step is PlanStep.Unbind unbind ? unbind.Overridden : [];
        using var proof = usage.Prove(inventory, step.Step.MustBeFree, overridden);
        return proof.IsFree ? await DoAsync(step, cancellationToken).ConfigureAwait(false) : new StepOutcome.InUse(proof.Users);
    }

    private async Task<StepOutcome> DoAsync(LaneStep step, CancellationToken cancellationToken)
    {
        var outcome = await steps.ExecuteAsync(step.Step, cancellationToken).ConfigureAwait(false);
        if (outcome is StepOutcome.Done && StepWords.Done(step.Step) is { } what) StepDone(logger, step.Purpose, what);
        return outcome;
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "{Purpose}: {What}")]
    private static partial void StepDone(ILogger logger, string purpose, string what);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Warning, Message = "{Purpose}: {Error}")]
    private static partial void StepFailed(ILogger logger, string purpose, string error);
}
