using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;

namespace Hostdev.Projection;

/// <summary>
/// Keeps a policy's status within what its schema allows: what agents say of a node may be twice as long as what is told of it here, and
/// one text that is too long makes the API server refuse the whole status, each time anew. Counts are never cut.
/// </summary>
public static class PolicyStatusLimit
{
    /// <summary>Of <see cref="PolicyStatus.Kubevirt"/>, which is cut between its entries and not here.</summary>
    public const int LongestKubevirt = 16384;

    private const int LongestConditionMessage = 32768;
    private const int LongestConditionReason = 1024;
    private const int LongestMessage = 2048;
    private const int LongestReason = 64;
    private const int LongestDevice = 256;
    private const int LongestResources = 16384;

    public static PolicyStatus Cut(PolicyStatus status) =>
        status with
        {
            Conditions =
            [
                .. status.Conditions.Select(c =>
                    c with
                    {
                        Reason = BoundedText.Cut(c.Reason, LongestConditionReason),
                        Message = BoundedText.Cut(c.Message, LongestConditionMessage),
                    }
                ),
            ],
            Resources = status.Resources is { } resources ? BoundedText.Cut(resources, LongestResources) : null,
            Problems = [.. status.Problems.Select(p => Cut(p))],
            Releasing = [.. status.Releasing.Select(r => r with { Message = BoundedText.Cut(r.Message, LongestMessage) })],
        };

    /// <summary>A word of an agent that is a version ahead may be longer than those of this one.</summary>
    private static PolicyProblem Cut(PolicyProblem problem) =>
        problem with
        {
            Reason = Reasons.Of(BoundedText.Cut(problem.Reason.Name, LongestReason)),
            Message = BoundedText.Cut(problem.Message, LongestMessage),
            Device = problem.Device is { } device ? BoundedText.Cut(device, LongestDevice) : null,
        };
}
