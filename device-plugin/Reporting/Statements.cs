using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>One thing that a status says, and that is worth a line when it comes to be so.</summary>
/// <param name="Subject">What it is about: of one subject the newest statement is what stands.</param>
/// <param name="News">The same for as long as it is the same news of its subject.</param>
/// <param name="Line">What an admin reads.</param>
/// <param name="Over">What he reads when nothing is said of the subject any more; null where there is nothing to read then.</param>
internal sealed record Statement(string Subject, string News, string Line, bool AsksToAct, string? Over = null);

/// <summary>
/// What a status says, in lines for a log: one for each policy, for each device that something stands in the way of, for each resource that
/// does not reach the kubelet, for what is on its way back, and for the node as a whole.
/// </summary>
internal static class Statements
{
    /// <summary>A policy with many devices that are not offered says so with its first ones, and how many they are.</summary>
    public const int MostDevices = 10;

    public static ImmutableArray<Statement> Of(NodeDeviceStateStatus status) =>
        [
            .. status.Conditions.Select(OfNode).OfType<Statement>(),
            .. status.Policies.SelectMany(OfPolicy),
            .. status.Resources.Select(OfResource).OfType<Statement>(),
            .. status.Releasing.Select(Releasing),
            .. OfCordons(status.Cordons ?? []),
        ];

    /// <summary>What no policy and no resource says: what is followed, and what stops the whole node.</summary>
    private static Statement? OfNode(NodeCondition condition)
    {
        var (type, reason, message) = (condition.Type, condition.Reason, condition.Message);
        return (type, condition.Status) switch
        {
            (ConditionTypes.Synced, "False") => new(type, message, message, AsksToAct: true, "the desired state is followed again"),
            (ConditionTypes.Degraded, "True") when reason.StopsWrites || reason == Reasons.HostUnreadable => new(
                type,
                reason.Name,
                $"{reason}: {message}",
                AsksToAct: true,
                "nothing stops the agent any more: it goes on"
            ),
            _ => null,
        };
    }

    private static IEnumerable<Statement> OfPolicy(PolicyResult policy)
    {
        var name = $"{policy.Kind}/{policy.Name}";
        yield return new(
            name,
            $"{policy.Reason} {policy.Generation}",
            $"{name}: {policy.Reason}: {policy.Message}",
            policy.Reason.IsTrouble,
            $"{name} is not wanted on this node any more"
        );
        var obstacles = policy.Problems.Where(p => p.State.IsInTheWay).ToList();
        foreach (var problem in obstacles.Take(MostDevices))
        {
            yield return new(
                $"{name} {problem.Device}",
                // Whom it waits for is news, and stands in the message alone.
                $"{problem.State} {problem.Reason} {(problem.State.GoesOn ? problem.Message : "")}",
                $"{name}: {problem.Device}: {problem.State}: {problem.Reason}: {problem.Message}",
                !problem.State.GoesOn,
                $"{name}: {problem.Device}: nothing stands in the way any more"
            );
        }

        if (obstacles.Count > MostDevices)
        {
            var more = obstacles.Count - MostDevices;
            yield return new(
                $"{name} others",
                $"{more}",
                $"{name}: {more} devices more are not offered: the status says why",
                AsksToAct: true
            );
        }

        foreach (var risk in policy.Problems.Where(p => p.Reason.VoidsIsolation).DistinctBy(p => p.Reason))
        {
            yield return new(
                $"{name} {risk.Reason}",
                risk.State.Name,
                $"{name}: {risk.Device}: {risk.Reason}: {risk.Message}",
                risk.State != FindingState.Accepted
            );
        }
    }

    private static Statement? OfResource(ResourceStatus resource) =>
        resource.Problem is { } problem ? new($"{resource.Name} reaches", problem, problem, AsksToAct: true) : null;

    private static IEnumerable<Statement> OfCordons(ImmutableArray<DeviceProblem> cordons)
    {
        var more = cordons.Length - MostDevices;
        return cordons
            .Take(MostDevices)
            .Select(Cordon)
            .Concat(more > 0 ? [new("cordon others", $"{more}", $"{more} devices more are cordoned: the status says which", false)] : []);
    }

    private static Statement Cordon(DeviceProblem cordon) =>
        new(
            $"cordon {cordon.Device}",
            $"{cordon.Reason} {cordon.Message}",
            $"{cordon.Device}: {cordon.Reason}: {cordon.Message}",
            cordon.Reason.AsksToAct,
            cordon.Reason == Reasons.InvalidCordon ? $"{cordon.Device} is mended, or gone" : $"{cordon.Device} is not cordoned any more"
        );

    private static Statement Releasing(DeviceProblem releasing) =>
        new(
            $"releasing {releasing.Device}",
            releasing.Message,
            $"{releasing.Device}: {releasing.State}: {releasing.Reason}: {releasing.Message}",
            AsksToAct: false,
            $"{releasing.Device} is given back"
        );
}
