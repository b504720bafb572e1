using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>What one check has against a case. Whether it refuses the case is its state's: what is only noticed does not.</summary>
/// <param name="Message">Null where it is said already, of another device or by a policy.</param>
internal sealed record Objection(FindingState State, Reason Reason, string? Message)
{
    /// <summary>A rule that became stricter: what is in force stays, and the objection is said with why it stays.</summary>
    public bool IsForNewAlone { get; init; }

    /// <summary>What the checks behind it would look at is not there, or a guess: they are not asked, whoever asks for all.</summary>
    public bool EndsAll { get; init; }

    public bool Refuses => !State.IsRemark;

    /// <summary>This, as the last that is said.</summary>
    public Objection WithoutMore() => this with { EndsAll = true };

    /// <summary>Null where there is no message.</summary>
    public static Objection? Of(Reason reason, string? message, bool isForNewAlone = false) =>
        message is null ? null : new Objection(FindingState.Blocked, reason, message) { IsForNewAlone = isForNewAlone };

    public static Objection? Of((Reason Reason, string Message)? problem) =>
        problem is { } it ? new Objection(FindingState.Blocked, it.Reason, it.Message) : null;

    /// <summary>What failed lately: a user is waited for, anything else blocks until it is tried again.</summary>
    public static Objection? Of(Setback? setback) =>
        setback is null ? null
        : setback.Reason.IsUse ? Waits(setback.Reason, setback.Message)
        : new Objection(FindingState.Blocked, setback.Reason, setback.Message);

    public static Objection Waits(Reason reason, string message) => new(FindingState.Waiting, reason, message);

    /// <summary>What an admin should know, though it refuses nothing.</summary>
    public static Objection Notices(Reason reason, string message) => new(FindingState.Noticed, reason, message);
}
