using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Gives virtual functions their types and takes them back. What a function has, and what there is room for, is read right before the
/// write, by one at a time: of two that want the last room one finds it gone.
/// </summary>
internal sealed class VgpuWriter(HostWriter writer, Journal journal)
{
    private static readonly TimeSpan ReadDeadline = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private Task _before = Task.CompletedTask;

    public Task<StepOutcome> GiveAsync(PlanStep.GiveVgpuType step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var given = GiveAfterAsync(_before, step, deadline, cancellationToken);
            _before = given;
            return given;
        }
    }

    public async Task<StepOutcome> TakeAsync(PlanStep.TakeVgpuType step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var (file, address) = (VgpuFiles.Current(step.Address), step.Address);
        var before = await CurrentAsync(address, cancellationToken).ConfigureAwait(false);
        if (before != step.TypeId)
            return before is null
                ? Unreadable(address)
                : new StepOutcome.Done { What = $"{address}: is left as it is, its vGPU type is {before} instead of {step.TypeId}" };
        using var log = writer.FollowLog();
        var error = await writer.WriteAsync(address, file, "0", deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, "0", deadline);
        var now = await CurrentAsync(address, cancellationToken).ConfigureAwait(false);
        return now == "0"
            ? StepOutcome.Done.Instance
            : Failed(address, $"taking the vGPU type {step.TypeId} from {address}", "0", error, now, log);
    }

    /// <param name="before">The one that was given before: it is waited for, however long, because its deadlines end it.</param>
    private async Task<StepOutcome> GiveAfterAsync(
        Task before,
        PlanStep.GiveVgpuType step,
        TimeSpan deadline,
        CancellationToken cancellationToken
    )
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (writer.IsBlocked(step.Address))
            return new StepOutcome.Failed(Reasons.StepTimedOut, $"an earlier write for {step.Address} still hangs in the kernel");
        return await ObjectionTo(step, cancellationToken).ConfigureAwait(false)
            ?? await WriteTypeAsync(step, deadline, cancellationToken).ConfigureAwait(false);
    }

    private async Task<StepOutcome?> ObjectionTo(PlanStep.GiveVgpuType step, CancellationToken cancellationToken)
    {
        var current = await CurrentAsync(step.Address, cancellationToken).ConfigureAwait(false);
        var list = await writer
            .ReadAsync(step.Address, VgpuFiles.Creatable(step.Address), ReadDeadline, cancellationToken)
            .ConfigureAwait(false);
        if (current is null || list is null)
            return Unreadable(step.Address);
        if (current != "0")
        {
            return new StepOutcome.Failed(
                Reasons.StepFailed,
                $"{step.Address} has the vGPU type {current} already, which somebody else gave it: it is left as it is"
            );
        }

        var types = VgpuType.ParseList(list);
        if (types.Any(t => t.Id == step.TypeId))
            return null;
        var there = types.IsEmpty ? "none" : string.Join(", ", types.Select(t => $"{t.Id} ({t.Name})"));
        return new StepOutcome.Failed(
            Reasons.NoRoom,
            $"its card has no room for the vGPU type {step.TypeId} on {step.Address} any more: creatable_vgpu_types lists {there}"
        );
    }

    /// <summary>What is recorded as ours and did not come to be is struck out again: a type that it has later is somebody's.</summary>
    private async Task<StepOutcome> WriteTypeAsync(PlanStep.GiveVgpuType step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var (file, address) = (VgpuFiles.Current(step.Address), step.Address);
        using var log = writer.FollowLog();
        if (journal.State.Ownership.Vgpus.ContainsKey(address))
            journal.Append(new JournalRecord.ForgetVgpu(address));
        journal.Append(new JournalRecord.RecordVgpu(address, step.TypeId, step.TypeName, step.PolicyUid));
        var error = await writer.WriteAsync(address, file, step.TypeId, deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, step.TypeId, deadline);
        var now = await CurrentAsync(address, cancellationToken).ConfigureAwait(false);
        if (now == step.TypeId)
            return StepOutcome.Done.Instance;
        if (now is not null)
            journal.Append(new JournalRecord.ForgetVgpu(address));
        return Failed(address, $"giving {address} the vGPU type {step.TypeId}", step.TypeId, error, now, log);
    }

    /// <summary>As the file has it, <c>0</c> for none; null when it cannot be read.</summary>
    private Task<string?> CurrentAsync(PciAddress address, CancellationToken cancellationToken) =>
        writer.ReadAsync(address, VgpuFiles.Current(address), ReadDeadline, cancellationToken);

    private static StepOutcome.Failed Failed(PciAddress address, string what, string value, Errno error, string? now, IKernelLog log)
    {
        var file = VgpuFiles.Current(address);
        var how = error.IsSuccess ? $"had no effect: it reads {now ?? "nothing"}" : $"failed: {WriteErrors.Explain(file, error, now)}";
        var said = KernelWords.Of(log, address);
        return new StepOutcome.Failed(
            Reasons.StepFailed,
            $"{what} (writing {value} to {file}) {how}; {said ?? "look at dmesg for what its driver says"}"
        );
    }

    private static StepOutcome.Failed Unreadable(PciAddress address) =>
        new(Reasons.Unreadable, $"the vGPU type of {address} cannot be read: it is left as it is");

    private static StepOutcome.Failed TimedOut(KernelFile file, string value, TimeSpan deadline) =>
        new(
            Reasons.StepTimedOut,
            $"writing {value} to {file} did not return within {deadline.TotalSeconds:0.#} s: the kernel goes on with it, and what "
                + "came of it is looked at again"
        );
}
