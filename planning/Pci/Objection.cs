using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>Why a device cannot be what a policy asks for.</summary>
/// <param name="IsForNewAlone">A rule that became stricter: what is in force stays, and the objection is said with why it stays.</param>
internal sealed record Objection(Reason Reason, string Message, bool IsForNewAlone = false)
{
    public static Objection? Of(Reason reason, string? message, bool isForNewAlone = false) =>
        message is null ? null : new Objection(reason, message, isForNewAlone);

    public static Objection? Of((Reason Reason, string Message)? problem) =>
        problem is { } it ? new Objection(it.Reason, it.Message) : null;
}
