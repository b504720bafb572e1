using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>A risk that stands.</summary>
/// <param name="Cause">What is as it should not be, as a sentence without its end.</param>
/// <param name="Remedy">What ends it.</param>
internal sealed record Standing(string Cause, string Remedy)
{
    /// <summary>What is said of it: it refuses what is newly taken, unless the policy accepts it.</summary>
    /// <param name="what">What would be passed.</param>
    /// <param name="where">What belongs to naming it in the policy beside its word.</param>
    public Objection Against(Risk risk, string what, bool isAccepted, string where) =>
        isAccepted
            ? new Objection(FindingState.Accepted, risk.Reason, $"{what} is passed all the same, as the policy accepts: {Cause}")
            : new Objection(
                FindingState.Blocked,
                risk.Reason,
                $"{what} cannot be passed safely: {Cause}; {Remedy}, or list {risk} in acceptRisks{where} to pass it all the same"
            )
            {
                IsForNewAlone = true,
            };
}
