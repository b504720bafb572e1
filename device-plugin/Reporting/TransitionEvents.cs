using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Control;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>Tells what changed for a policy on this node as Events: a Warning exactly when somebody should act.</summary>
internal sealed class TransitionEvents(NodeStateOptions options, TimeProvider time, Random random, ILoggerFactory loggers)
{
    private readonly EventRecorder _recorder = new(
        options.Client,
        new EventRecorderOptions { ReportingController = "hostdev.io/agent", ReportingInstance = options.Instance },
        time,
        random,
        loggers.CreateLogger<EventRecorder>()
    );

    private Dictionary<string, Reason?>? _told;

    public Task RunAsync(CancellationToken cancellationToken) => _recorder.RunAsync(cancellationToken);

    /// <summary>
    /// Compares with what was told last; after a restart with what stands in the object, so that a restart tells nothing twice.
    /// </summary>
    public void Tell(NodeDeviceState state, NodeDeviceStateStatus status)
    {
        var before = _told ?? Told(state.Status);
        _told = Told(status);
        var regarding = new ObjectReference(
            HostdevKinds.NodeDeviceStateResource.ApiVersion,
            HostdevKinds.NodeDeviceStateResource.Kind,
            state.Metadata.Name,
            Namespace: null,
            state.Metadata.Uid
        );
        foreach (var policy in status.Policies)
        {
            if (before.GetValueOrDefault(Key(policy)) == policy.Reason)
                continue;
            var type = policy.Reason.IsTrouble ? EventType.Warning : EventType.Normal;
            if (policy.Reason == Reasons.NoMatch)
                continue; // of a hundred nodes most match nothing
            _recorder.Record(regarding, type, policy.Reason.Name, "Apply", $"{policy.Kind}/{policy.Name}: {policy.Message}");
        }

        foreach (var (key, problem) in Risks(status.Policies).Concat(News(status.Policies)))
        {
            if (!before.ContainsKey(key))
                _recorder.Record(regarding, EventType.Warning, problem.Reason.Name, "Apply", problem.Message);
        }

        foreach (var cordon in (status.Cordons ?? []).Take(Statements.MostDevices))
        {
            if (before.GetValueOrDefault(Key(cordon)) != cordon.Reason)
            {
                var type = cordon.Reason.AsksToAct ? EventType.Warning : EventType.Normal;
                _recorder.Record(regarding, type, cordon.Reason.Name, "Apply", cordon.Message);
            }
        }

        foreach (var condition in status.Conditions.Where(c => c is { Type: ConditionTypes.Degraded, Status: "True" }))
        {
            if (before.GetValueOrDefault(condition.Type) != condition.Reason && !condition.Reason.IsTrouble)
            {
                _recorder.Record(regarding, EventType.Warning, condition.Reason.Name, "Apply", condition.Message);
            }
        }
    }

    private static Dictionary<string, Reason?> Told(NodeDeviceStateStatus? status)
    {
        var reasons = new Dictionary<string, Reason?>(StringComparer.Ordinal);
        foreach (var policy in status?.Policies ?? [])
            reasons[Key(policy)] = policy.Reason;
        foreach (var (key, problem) in Risks(status?.Policies ?? []).Concat(News(status?.Policies ?? [])))
            reasons[key] = problem.Reason;
        foreach (var cordon in status?.Cordons ?? [])
            reasons[Key(cordon)] = cordon.Reason;
        foreach (var condition in status?.Conditions ?? [])
            reasons[condition.Type] = condition.Status == "True" ? condition.Reason : null;
        return reasons;
    }

    /// <summary>
    /// The first device that a policy would pass, or passes, with less isolation than it should have: one of each reason. What the policy
    /// accepts asks nobody to act.
    /// </summary>
    private static IEnumerable<(string Key, DeviceProblem Problem)> Risks(IEnumerable<PolicyResult> policies) =>
        from policy in policies
        from problem in policy.Problems.Where(p => p.Reason.VoidsIsolation && p.State != FindingState.Accepted).DistinctBy(p => p.Reason)
        select ($"{Key(policy)} {problem.Reason}", problem);

    /// <summary>What is told of each device, of a policy's first ones.</summary>
    private static IEnumerable<(string Key, DeviceProblem Problem)> News(IEnumerable<PolicyResult> policies) =>
        from policy in policies
        from problem in policy.Problems.Where(p => p.Reason.IsNews).Take(Statements.MostDevices)
        select ($"{Key(policy)} {problem.Reason} {problem.Device}", problem);

    private static string Key(DeviceProblem cordon) => $"cordon {cordon.Device}";

    private static string Key(PolicyResult policy) => $"{policy.Kind}/{policy.Name}";
}
