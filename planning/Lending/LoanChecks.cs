using Hostdev.Crds.Words;

namespace Hostdev.Planning.Lending;

/// <summary>What keeps a device from being offered at all.</summary>
internal static class LoanChecks
{
    public static Checks<LoanCase> All { get; } = new(Unreadable);

    private static Objection? Unreadable(LoanCase it)
    {
        var problem = it.Unreadable.OrderBy(p => p.Unanswered).FirstOrDefault();
        return Objection
            .Of(
                Reasons.Unreadable,
                problem is null
                    ? null
                    : $"{it.Device} is left as it is, because {problem}: look at dmesg; unplug it and plug it in again, or "
                        + "scan its bus again"
            )
            ?.WithoutMore();
    }
}

/// <summary>What keeps it from being lent now; it is offered all the same, as what cannot be had now.</summary>
internal static class LendingChecks
{
    public static Checks<LoanCase> All { get; } = new(FailedLately, NeededByHost, InUse);

    private static Objection? FailedLately(LoanCase it) =>
        it.IsLent ? null : Objection.Of(it.Situation.Input.Setbacks.GetValueOrDefault(Purpose.Take(it.Device)));

    private static Objection? NeededByHost(LoanCase it)
    {
        var protecting = it.UsersInTheWay.Where(u => u.Protection is not null).ToList();
        if (protecting.Count == 0)
            return null;
        var protections = string.Join(", ", protecting.Select(u => u.Protection!.Value).Distinct().Order());
        var remedy = it.IsNameless
            ? "free it; it has neither a wwid nor a serial number by which allowProtected could name it"
            : $"free it, or list {protections} in allowProtected together with {AllowProtected.NameOf(it.Device)}";
        return Objection.Of(Reasons.Protected, $"{Sentence(it, protecting)}: the host needs it; {remedy}");
    }

    private static Objection? InUse(LoanCase it)
    {
        var busy = it.UsersInTheWay.Where(u => u.Protection is null).ToList();
        return busy.Count == 0
            ? null
            : Objection.Waits(Reasons.InUse, $"{Sentence(it, busy)}: it can be given to a pod as soon as nobody uses it");
    }

    private static string Sentence(LoanCase it, IEnumerable<DeviceUser> users) =>
        $"{it.Device} ({it.Called}) is in use: {string.Join(", ", users.Select(u => u.Description))}";
}
