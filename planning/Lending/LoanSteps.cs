using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Lending;

/// <summary>Taking back what was lent, when nobody has it any more.</summary>
internal static class LoanSteps
{
    /// <summary>
    /// A VMM puts a USB device's drivers aside, and one that was killed gives nothing back (contracts/kernel.md): an interface that had a
    /// driver and has none is given to the kernel to find one. What has a driver is the host's again already. A device that left is
    /// nobody's any more, and another one in its socket was never lent: its interfaces are as the kernel makes them.
    /// </summary>
    public static Work TakeBack(Situation situation, OwnedLoan loan)
    {
        var purpose = Purpose.Release(loan.Device);
        var forget = new LaneStep(purpose, new JournalRecord.ForgetLoan(loan.Device));
        if (
            loan is not { Device: DeviceId.OfUsb(var port), Drivers: { } drivers }
            || situation.Inventory.Usb(port) is not { } usb
            || NameNow(situation.Inventory, loan.Device) != loan.Lent
        )
            return new Work(loan.Device, [forget]);
        if (usb.Interfaces.FirstOrDefault(i => i.IsClaimed) is { } claimed)
            return Waits(
                loan,
                Reasons.ReleaseWaits,
                $"{port} was given back by a pod, and a process still has {usb.PortPath}:{claimed.Name}: end it, for example its VMM"
            );
        var bare = usb.Interfaces.Where(i => i.Driver is null && drivers.Of(i.Name) is not "").ToList();
        if (bare.Count == 0)
            return new Work(loan.Device, [forget]);
        if (situation.Input.Setbacks.GetValueOrDefault(purpose) is { } setback)
            return Waits(
                loan,
                Reasons.NotReturned,
                $"{port} was given back by a pod, and not all of it has its driver again: {setback.Message}"
            );
        return new Work(loan.Device, [.. bare.Select(i => new LaneStep(purpose, ProbeOf(usb, i, drivers.Of(i.Name)))), forget]);
    }

    /// <summary>
    /// What a pod has by an answer of ours and has not: it was pulled, or something else is in its place. The pod's container keeps the
    /// node that it was given, and nobody else tells why its VM has lost the device.
    /// </summary>
    public static IEnumerable<Finding> WhatIsLost(Situation situation)
    {
        foreach (var loan in situation.Input.Ownership.Loans.Values.Where(l => situation.Input.Given.Contains(l.Device)))
        {
            var now = NameNow(situation.Inventory, loan.Device);
            if (now == loan.Lent || situation.Input.Policies.FirstOrDefault(p => p.Identity.Uid == loan.PolicyUid) is not { } policy)
                continue;
            var what = now is null ? "is not there any more" : $"is {now} now (it switched its mode, or something else was plugged in)";
            yield return new Finding(
                policy.Identity,
                loan.Device.ToString(),
                FindingState.Noticed,
                Reasons.LentAndLost,
                $"{loan.Device}, which a pod was given as {loan.Lent}, {what}: the pod does not have it; restart its VM when it is back, "
                    + "or delete the pod"
            );
        }
    }

    private static Work Waits(OwnedLoan loan, Reason reason, string message) =>
        new(loan.Device, [])
        {
            Findings = [new Finding(null, loan.Device.ToString(), FindingState.Releasing, reason, message, loan.PolicyUid)],
        };

    private static string? NameNow(HostInventory inventory, DeviceId device) =>
        device switch
        {
            DeviceId.OfUsb(var port) => inventory.Usb(port)?.Identity.ToString(),
            DeviceId.OfScsi(var disk) => inventory.Scsi(disk) is { } scsi ? scsi.Name ?? $"at {scsi.Address}" : null,
            _ => null,
        };

    private static PlanStep.ProbeInterface ProbeOf(UsbDevice usb, UsbInterface of, string? driver) =>
        new(usb.Port, $"{usb.PortPath}:{of.Name}", driver);
}
