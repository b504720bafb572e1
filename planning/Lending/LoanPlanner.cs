using Hostdev.Crds.Kinds;

namespace Hostdev.Planning.Lending;

/// <summary>Devices that are lent as they are: each is a unit, and all that is done for a pod is done when it is given one.</summary>
internal static class LoanPlanner
{
    /// <param name="checks">What keeps devices of this class from being offered, beside what does so for all.</param>
    public static Wish WishFor(LoanCase it, Checks<LoanCase> checks, DeviceFile? deviceFile)
    {
        var wish = new Wish
        {
            Policy = it.Policy.Identity,
            Device = it.Device,
            PassesOver = it.PassesOver,
            Ruling = LoanChecks.All.Judge(it),
            Claims = [it.Device],
        };
        wish = wish with { Ruling = wish.Ruling.Refuses ? wish.Ruling.Before(() => checks.Judge(it)) : wish.Ruling.Then(checks.Judge(it)) };
        if (wish.Ruling.Refuses)
            return wish with { Ruling = wish.Ruling.Before(() => LendingChecks.All.Judge(it)) };
        var lending = LendingChecks.All.Judge(it);
        var unit = new Unit
        {
            Id = it.Device,
            Resource = it.Policy.Spec.ResourceName,
            Policy = it.Policy.Identity,
            Handout = it.Handout,
            DeviceFile = deviceFile,
            OnAllocate = OnAllocateOf(it, lending),
        };
        return wish with
        {
            Findings = lending.Findings,
            Behind = lending.Behind,
            Granted = new Targets { Units = [unit], OnAllocate = [it.Device] },
        };
    }

    private static OnAllocate OnAllocateOf(LoanCase it, Ruling lending) =>
        it.Situation.Input.Halt is { } halt ? Planning.OnAllocate.NotLent(new Obstacle(halt.Reason, halt.Message))
        : lending.Refusal is { Message: { } message } refusal ? Planning.OnAllocate.NotLent(new Obstacle(refusal.Reason, message))
        : Planning.OnAllocate.Lends(new PlanStep.Lend(it.Handout.Drivers[0], it.Policy.Identity.Uid, it.Overridden) { Others = it.Others });
}
