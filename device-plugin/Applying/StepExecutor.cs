using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Attributes;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Does one step: journal, one write, read back. What is read back decides, not what the write said.</summary>
public sealed class StepExecutor(HostWriter writer, Journal journal, ILentDevices lent)
{
    // igbvf takes 1-2 s for each VF, and a card may have 256: creation gets the most; a bind or unbind that takes longer than this hangs.
    private static readonly TimeSpan NumVfsDeadline = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan WriteDeadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReadDeadline = TimeSpan.FromSeconds(10);

    private readonly VgpuWriter _vgpus = new(writer, journal);

    /// <param name="within">The write is not waited for any longer than this; by default as long as a write of its kind may take.</param>
    public async Task<StepOutcome> ExecuteAsync(PlanStep step, CancellationToken cancellationToken, TimeSpan? within = null)
    {
        var deadline = within is { } most && most < WriteDeadline ? most : WriteDeadline;
        if (step is not (PlanStep.ProveFree or PlanStep.Record) && writer.TooManyHang is { } many)
            return new StepOutcome.Failed(Reasons.StepTimedOut, many);
        switch (step)
        {
            case PlanStep.ProveFree:
                return StepOutcome.Done.Instance; // who calls this holds the proof
            case PlanStep.Record s:
                journal.Append(s.Entry);
                return StepOutcome.Done.Instance;
            case PlanStep.SetAutoprobe s:
                var autoprobe = s.Autoprobe ? "1" : "0";
                var autoprobeFile = PciFiles.Attribute(s.PhysicalFunction, "sriov_drivers_autoprobe");
                return await WriteAsync(s.PhysicalFunction, autoprobeFile, autoprobe, deadline, autoprobe, cancellationToken)
                    .ConfigureAwait(false);
            case PlanStep.SetNumVfs s:
                return await SetNumVfsAsync(s, cancellationToken).ConfigureAwait(false);
            case PlanStep.SetDriverOverride s:
                // One newline clears it; "(null)" would become the override, and an empty write does nothing (contracts/kernel.md,
                // Binding).
                var overrideFile = PciFiles.Attribute(s.Address, "driver_override");
                return await WriteAsync(s.Address, overrideFile, s.Driver ?? "\n", deadline, s.Driver ?? "(null)", cancellationToken)
                    .ConfigureAwait(false);
            case PlanStep.Unbind s:
                return await UnbindAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.Reset s:
                return await ResetAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.Lend s:
                var drivers = lent.ReadInterfaceDrivers(s.Lent.Device);
                journal.Append(new JournalRecord.RecordLoan(s.Lent.Device, s.Lent.Driver, s.PolicyUid, drivers));
                return StepOutcome.Done.Instance;
            case PlanStep.ProbeInterface s:
                return await ProbeInterfaceAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.Probe s:
                return await ProbeAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.SetAttribute s:
                return await SetAttributeAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.CreateMdev s:
                return await CreateMdevAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.RemoveMdev s:
                return await RemoveMdevAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.GiveVgpuType s:
                return await _vgpus.GiveAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            case PlanStep.TakeVgpuType s:
                return await _vgpus.TakeAsync(s, deadline, cancellationToken).ConfigureAwait(false);
            default:
                throw new InvalidOperationException($"no way to do {step.GetType().Name}");
        }
    }

    /// <summary>
    /// A driver may make another number than was written, and the write succeeds all the same (QAT: always all; bnxt_en: what its rings
    /// allow; drivers/pci/iov.c only warns). That is an answer: what to make of it is for planning.
    /// </summary>
    private async Task<StepOutcome> SetNumVfsAsync(PlanStep.SetNumVfs step, CancellationToken cancellationToken)
    {
        var count = step.NumVfs.ToString(CultureInfo.InvariantCulture);
        StepOutcome? Answered(string? now) =>
            step.NumVfs > 0 && int.TryParse(now, CultureInfo.InvariantCulture, out var made) && made > 0
                ? new StepOutcome.Done { What = $"{step.PhysicalFunction}: {step.NumVfs} VFs were asked for and its driver made {made}" }
                : null;
        var file = PciFiles.Attribute(step.PhysicalFunction, KernelFile.NumVfs);
        return await WriteAsync(step.PhysicalFunction, file, count, NumVfsDeadline, count, cancellationToken, Answered)
            .ConfigureAwait(false);
    }

    /// <param name="answered">What it means that the write succeeded and something else is read back; null: that it had no effect.</param>
    private async Task<StepOutcome> WriteAsync(
        DeviceId device,
        KernelFile file,
        string value,
        TimeSpan deadline,
        string expect,
        CancellationToken cancellationToken,
        Func<string?, StepOutcome?>? answered = null
    )
    {
        using var log = writer.FollowLog();
        var error = await writer.WriteAsync(device, file, value, deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, value, deadline);
        var now = await writer.ReadAsync(device, file, ReadDeadline, cancellationToken).ConfigureAwait(false);
        if (now == expect)
            return StepOutcome.Done.Instance;
        if (error.IsSuccess && answered?.Invoke(now) is { } outcome)
            return outcome;
        var what = $"writing {Quote(value)} to {file}";
        if (!error.IsSuccess)
        {
            var logged = KernelWords.Lines(log, device);
            var reason = WriteErrors.ReasonOf(file, error, logged);
            var why = WriteErrors.Explain(file, error, now, reason);
            return new StepOutcome.Failed(reason, $"{what} failed: {why}{Said(file, logged, device)}");
        }

        var reads = now is null ? "nothing" : $"\"{now}\"";
        var advice = KernelWords.Of(log, device) ?? "look at dmesg, or for another program that writes it";
        return Failed($"{what} had no effect: it reads {reads}; {advice}") with { Undone = now is not null };
    }

    private async Task<StepOutcome> UnbindAsync(PlanStep.Unbind step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var file = PciFiles.Unbind(step.Driver);
        using var log = writer.FollowLog();
        var error = await writer.WriteAsync(step.Address, file, step.Address.ToString(), deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, step.Address.ToString(), deadline);
        var driver = writer.ReadLinkName(PciFiles.DriverOf(step.Address));
        if (driver is null)
            return StepOutcome.Done.Instance;
        var what = error.IsSuccess ? "had no effect" : $"failed: {WriteErrors.Explain(file, error)}";
        var said = KernelWords.Of(log, step.Address) is { } words ? $"; {words}" : "";
        return Failed($"taking {step.Address} from {step.Driver} (writing it to {file}) {what}; its driver is {driver}{said}");
    }

    /// <summary>
    /// A driver may make another number of what was written than that, which its hardware has: that is an answer, and is remembered, so
    /// that it is not asked again, and another hand's value is told from it.
    /// </summary>
    private async Task<StepOutcome> SetAttributeAsync(PlanStep.SetAttribute step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var (device, file) = (step.File.Device, AttributeFiles.Of(step.File));
        var isVf = step.File.Vf is not null;
        var what = isVf ? $"setting {file} to {Quote(step.Value)}" : $"writing {Quote(step.Value)} to {file}";
        using var log = writer.FollowLog();
        var error = await writer.WriteAsync(device, file, step.Value, deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, step.Value, deadline);
        if (!error.IsSuccess)
        {
            var said = KernelWords.Of(log, device) is { } words ? $"; {words}" : "";
            return Failed($"{what} failed: {(isVf ? VfErrors.OfSetting(step.File.Name, error) : AttributeErrors.OfWrite(error))}{said}");
        }

        var look = await writer.LookAsync(device, file, ReadDeadline, cancellationToken).ConfigureAwait(false);
        if (look.Error.IsSuccess && look.MayBeRead)
        {
            var isAnswered = AttributeValue.AreNumbers(look.Text!, step.Value) && look.Text != step.Was;
            if (!AttributeValue.Shows(look.Text!, step.Value) && !isAnswered)
                return Failed(
                    $"{what} had no effect: it reads \"{look.Text}\"; write what it reads, or look at dmesg for what its driver says"
                );
        }
        else if (!look.Error.IsSuccess)
            return Failed($"{what} got through, and then it {(isVf ? VfErrors.OfRead(look.Error) : AttributeErrors.OfRead(look.Error))}");

        if (journal.State.Ownership.Attribute(step.File) is not null)
            journal.Append(new JournalRecord.ConfirmAttribute(device, step.File.Name, look.Text));
        return look.Text is null || AttributeValue.Shows(look.Text, step.Value)
            ? StepOutcome.Done.Instance
            : new StepOutcome.Done { What = $"{device}: {step.File.Name} was to be {step.Value}, and its driver made {look.Text} of it" };
    }

    private async Task<StepOutcome> CreateMdevAsync(PlanStep.CreateMdev step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var file = MdevFiles.Create(step.Parent, step.TypeId);
        using var log = writer.FollowLog();
        var error = await writer.WriteAsync(step.Uuid, file, step.Uuid.ToString(), deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, step.Uuid.ToString(), deadline);
        var type = writer.ReadLinkName(MdevFiles.TypeOf(step.Uuid));
        if (type == step.TypeId)
            return StepOutcome.Done.Instance;
        var what = error.IsSuccess ? "had no effect" : $"failed: {WriteErrors.Explain(file, error)}";
        return Failed($"making {step.Uuid} (writing it to {file}) {what}; look at dmesg for what the driver of {step.Parent} says");
    }

    private async Task<StepOutcome> RemoveMdevAsync(PlanStep.RemoveMdev step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var file = MdevFiles.Remove(step.Uuid);
        var error = await writer.WriteAsync(step.Uuid, file, "1", deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, "1", deadline);
        if (writer.ReadLinkName(MdevFiles.TypeOf(step.Uuid)) is null)
            return StepOutcome.Done.Instance;
        var what = error.IsSuccess ? "had no effect" : $"failed: {WriteErrors.Explain(file, error)}";
        return Failed($"removing {step.Uuid} (writing 1 to {file}) {what}");
    }

    private async Task<StepOutcome> ResetAsync(PlanStep.Reset step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var file = PciFiles.Attribute(step.Address, "reset");
        using var log = writer.FollowLog();
        var error = await writer.WriteAsync(step.Address, file, "1", deadline, cancellationToken).ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(file, "1", deadline);
        if (!error.IsSuccess)
        {
            var said = KernelWords.Of(log, step.Address) is { } words ? $" ({words})" : "";
            var why = $"{WriteErrors.Explain(file, error)}{said}";
            return Failed($"resetting it (writing 1 to {file}) failed: {why}; remove and rescan it, or power-cycle the host");
        }

        return await writer
            .AnswersAsync(step.Address, PciFiles.Config(step.Address), ReadDeadline, cancellationToken)
            .ConfigureAwait(false) switch
        {
            true => StepOutcome.Done.Instance,
            false => new StepOutcome.Failed(
                Reasons.StepFailed,
                "it was reset and still does not answer: remove and rescan it, or power-cycle the host"
            ),
            null => new StepOutcome.Failed(
                Reasons.StepTimedOut,
                $"it was reset, and whether it answers could not be read within {ReadDeadline.TotalSeconds} s: it is looked at again"
            ),
        };
    }

    private async Task<StepOutcome> ProbeAsync(PlanStep.Probe step, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var log = writer.FollowLog();
        var error = await writer
            .WriteAsync(step.Address, PciFiles.DriversProbe, step.Address.ToString(), deadline, cancellationToken)
            .ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(PciFiles.DriversProbe, step.Address.ToString(), deadline);
        var driver = writer.ReadLinkName(PciFiles.DriverOf(step.Address));
        var found = driver is null ? "no driver of the host takes it" : $"bound to {driver}";
        if (step.ExpectedDriver is null)
            return new StepOutcome.Done { What = $"{step.Address}: {found}" };
        if (driver == step.ExpectedDriver)
            return StepOutcome.Done.Instance;
        var what = error.IsSuccess ? "" : $" ({WriteErrors.Explain(PciFiles.DriversProbe, error)})";
        var now = driver is null ? "it has no driver" : $"its driver is {driver}";
        var said = KernelWords.Of(log, step.Address) ?? $"look at dmesg for what {step.ExpectedDriver} says of it";
        // The kernel gives it to no other driver while driver_override names one (drivers/pci/pci-driver.c, pci_match_device).
        return Failed($"{step.Address} did not bind to {step.ExpectedDriver}{what}: {now}; {said}") with { Undone = driver is not null };
    }

    private async Task<StepOutcome> ProbeInterfaceAsync(
        PlanStep.ProbeInterface step,
        TimeSpan deadline,
        CancellationToken cancellationToken
    )
    {
        var error = await writer
            .WriteAsync(step.Port, UsbFiles.DriversProbe, step.Interface, deadline, cancellationToken)
            .ConfigureAwait(false);
        if (error == Errno.ETIMEDOUT)
            return TimedOut(UsbFiles.DriversProbe, step.Interface, deadline);
        var driver = writer.ReadLinkName(UsbFiles.DriverOf(step.Interface));
        var now = driver is null ? "has no driver" : $"is on {driver}";
        if (driver == step.ExpectedDriver || (step.ExpectedDriver is null && error.IsSuccess))
            return new StepOutcome.Done { What = $"{step.Port}: {step.Interface} {now}" };
        var what = error.IsSuccess ? "" : $" ({WriteErrors.Explain(UsbFiles.DriversProbe, error)})";
        return Failed(
            $"{step.Interface} did not come back to {step.ExpectedDriver ?? "a driver"}{what}: it {now}; run \"modprobe "
                + $"{step.ExpectedDriver}\" on the host, or look at dmesg"
        );
    }

    /// <summary>
    /// What a driver says of it; where it says nothing, the advice to look at what it said before. Of an errno of the number of VFs only
    /// the driver knows the reason.
    /// </summary>
    private static string Said(KernelFile file, IReadOnlyList<string> logged, DeviceId device)
    {
        if (KernelWords.InWords(logged) is { } words)
            return $"; {words}";
        return file.Name == KernelFile.NumVfs ? $"; look at dmesg for what the driver of {device} says of it" : "";
    }

    private static StepOutcome.Failed Failed(string message) => new(Reasons.StepFailed, message);

    private static StepOutcome.Failed TimedOut(KernelFile file, string value, TimeSpan deadline) =>
        new(
            Reasons.StepTimedOut,
            $"writing {Quote(value)} to {file} did not return within {InWords(deadline)} s: the kernel waits for "
                + "somebody who holds the device; it cannot be cancelled and goes on when the device is let go"
        );

    /// <summary>What is left of some seconds is said as these: nobody looks for a limit of 7.9 s.</summary>
    private static string InWords(TimeSpan deadline) =>
        (deadline.TotalSeconds > 1 ? Math.Ceiling(deadline.TotalSeconds) : deadline.TotalSeconds).ToString(
            "0.#",
            CultureInfo.InvariantCulture
        );

    private static string Quote(string value) => value == "\n" ? "a newline" : $"\"{value}\"";
}
