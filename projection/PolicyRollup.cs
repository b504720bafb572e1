using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Projection;

/// <summary>
/// What became of a policy on all its nodes, in the words of its status. The same state gives the same status, whatever was written before
/// but for the times of its conditions.
/// </summary>
public static class PolicyRollup
{
    /// <param name="nodes">All nodes: those that are not selected any more may still be giving back.</param>
    /// <param name="now">For conditions whose status changes.</param>
    public static PolicyStatus Status(PolicySituation situation, IEnumerable<NodeView> nodes, DateTimeOffset now)
    {
        var policy = situation.Policy;
        var progress = situation.Selected.Select(n => (Node: n, Progress: ProgressOf(n, situation), Result: Live(n, policy))).ToList();
        var counts = new NodeCounts(
            Matched: progress.Count(p => p.Node.Agent != AgentPresence.Ready || p.Result is { Matched: > 0 } or { Blocked: > 0 }),
            Ready: progress.Count(p => p.Progress == NodeProgress.Ready),
            Progressing: progress.Count(p =>
                p.Progress is NodeProgress.Changing or NodeProgress.WaitsForUsers or NodeProgress.Incomplete
                || (p.Progress == NodeProgress.NotGiven && p.Node.Agent == AgentPresence.Ready && situation.HeldBack is null)
            ),
            Blocked: progress.Count(p => IsStuck(p.Progress)),
            Unknown: progress.Count(p => p.Node.Agent != AgentPresence.Ready)
        );
        var devices = new DeviceCounts(
            Matched: Total(progress.Select(p => p.Result?.Matched ?? 0)),
            Ready: Total(progress.Select(p => p.Result?.Ready ?? 0)),
            Allocated: Total(progress.Select(p => p.Result?.Allocated ?? 0)),
            Blocked: Total(progress.Select(p => p.Result?.Blocked ?? 0))
        );
        // What an earlier version ran into says nothing of this one, which may have mended it.
        var troubled = progress.Where(p =>
            p.Result?.Generation == policy.Identity.Generation
            && p.Progress is NodeProgress.Degraded or NodeProgress.Changing or NodeProgress.WaitsForUsers or NodeProgress.Incomplete
        );
        var full = progress
            .Where(p => p.Progress == NodeProgress.Full)
            .Select(p => new PolicyProblem(p.Node.Name, Reasons.NodeFull, NodeRoom.Message(p.Node, policy)));
        ImmutableArray<PolicyProblem> problems =
        [
            .. full.Concat(Problems(troubled.Select(p => (p.Node, p.Result)))).Take(PolicyStatus.MostProblems),
        ];
        var notices = Notices(progress.Select(p => (p.Node, p.Result)), policy.Identity.Generation);
        var verdict = new Verdict(situation, counts, devices, [.. progress.Select(p => (p.Node, p.Progress))], problems.FirstOrDefault());
        return PolicyStatusLimit.Cut(
            new PolicyStatus
            {
                ObservedGeneration = policy.Identity.Generation,
                Conditions = [.. Conditions(verdict).Select(c => Stamp(c, policy, now))],
                Resources = string.Join(
                    ',',
                    ResourceNameClaims.NamesOf(policy.Policy).Select(n => n.Name.Value).Distinct(StringComparer.Ordinal)
                )
                    is { Length: > 0 } names
                    ? names
                    : null,
                Nodes = counts,
                Devices = devices,
                Problems = [.. problems.Concat(notices).Take(PolicyStatus.MostProblems)],
                Releasing = [.. Releasing(situation, nodes).Take(PolicyStatus.MostReleasing)],
                Kubevirt =
                    KubeVirtSnippet.Text(
                        KubeVirtSnippet.Entries(policy.Policy, progress.SelectMany(p => p.Result?.Ids ?? [])),
                        PolicyStatusLimit.LongestKubevirt
                    ) ?? KubeVirtSnippet.Note(policy.Policy),
            }
        );
    }

    private static NodeProgress ProgressOf(NodeView node, PolicySituation situation) =>
        situation.Full.Contains(node.Name) ? NodeProgress.Full : Progress.Of(node, situation.Policy);

    /// <summary>It goes on only when somebody does something.</summary>
    private static bool IsStuck(NodeProgress progress) => progress is NodeProgress.Degraded or NodeProgress.Full;

    /// <summary>The sum, or the most that its field holds: thousands of nodes each say what they like.</summary>
    private static int Total(IEnumerable<int> values) => (int)Math.Min(int.MaxValue, values.Sum(v => (long)v));

    /// <summary>
    /// What the node says of this policy, of whatever version; null when its agent does not live: what it said is not what is.
    /// </summary>
    private static PolicyResultSummary? Live(NodeView node, ClusterPolicy policy) =>
        node.Agent == AgentPresence.Ready ? node.Results.GetValueOrDefault(policy.Identity.Uid) : null;

    private static IEnumerable<(string Type, ConditionStatus Status, Reason Reason, string Message)> Conditions(Verdict v)
    {
        yield return v.Ready();
        yield return v.Progressing();
        yield return v.Degraded();
    }

    private static Condition Stamp(
        (string Type, ConditionStatus Status, Reason Reason, string Message) c,
        ClusterPolicy policy,
        DateTimeOffset now
    )
    {
        var before = policy.Status?.Conditions.FirstOrDefault(b => b.Type == c.Type);
        var since = before?.Status == c.Status ? before.LastTransitionTime : now;
        return new Condition(c.Type, c.Status, c.Reason.Name, c.Message, since, policy.Identity.Generation);
    }

    /// <summary>
    /// What is blocked first, then what is waited for; of each node the first, then the second of each: one bad node does not hide the
    /// others.
    /// </summary>
    private static IEnumerable<PolicyProblem> Problems(IEnumerable<(NodeView Node, PolicyResultSummary? Result)> nodes) =>
        nodes
            .Where(n => n.Result is not null)
            .SelectMany(n =>
                (
                    n.Result!.Problems.Any(p => p.State.IsInTheWay)
                        ? n
                            .Result.Problems.Where(p => p.State.IsInTheWay)
                            .Select((p, i) => (Rank: i, Blocked: p.State == FindingState.Blocked, Problem: Of(n.Node, p)))
                    : n.Result.Reason.IsTrouble
                        ? [(Rank: 0, Blocked: true, Problem: new PolicyProblem(n.Node.Name, n.Result.Reason, n.Result.Message))]
                    : []
                )
            )
            .OrderByDescending(p => p.Blocked)
            .ThenBy(p => p.Rank)
            .ThenBy(p => p.Problem.Node, StringComparer.Ordinal)
            .Select(p => p.Problem);

    private static PolicyProblem Of(NodeView node, DeviceProblem problem) =>
        new(node.Name, problem.Reason, problem.Message, problem.Device);

    /// <summary>
    /// What is in nobody's way and asks somebody to act all the same, whatever became of the policy on that node: after all that is in the
    /// way, of each node the first, then the second of each. No condition tells of it.
    /// </summary>
    private static IEnumerable<PolicyProblem> Notices(IEnumerable<(NodeView Node, PolicyResultSummary? Result)> nodes, long generation) =>
        nodes
            .Where(n => n.Result?.Generation == generation)
            .SelectMany(n =>
                n.Result!.Problems.Where(p => p.State == FindingState.Noticed && p.Reason.AsksToAct)
                    .Select((p, i) => (Rank: i, Problem: Of(n.Node, p)))
            )
            .OrderBy(p => p.Rank)
            .ThenBy(p => p.Problem.Node, StringComparer.Ordinal)
            .Select(p => p.Problem);

    /// <summary>
    /// Nodes that had the policy and are not selected any more, until their agents have given everything of it back; and selected ones that
    /// give back a part.
    /// </summary>
    private static IEnumerable<PolicyReleasing> Releasing(PolicySituation situation, IEnumerable<NodeView> nodes)
    {
        var policy = situation.Policy;
        var uid = policy.Identity.Uid;
        foreach (var node in nodes.OrderBy(n => n.Name, StringComparer.Ordinal))
        {
            var devices = node.Releasing.Where(d => d.PolicyUid == uid).ToList();
            var result = node.Results.GetValueOrDefault(uid);
            if (devices.Count > 0)
            {
                yield return new PolicyReleasing(
                    node.Name,
                    devices.Count,
                    node.Agent == AgentPresence.Ready ? devices[0].Message : $"its agent is not Ready: {devices[0].Message}"
                );
            }
            else if (result is not null && node.GivenOf(policy.Key) is null && !situation.Selected.Any(s => s.Name == node.Name))
            {
                yield return new PolicyReleasing(
                    node.Name,
                    result.Matched,
                    node.Agent == AgentPresence.Ready
                        ? "the agent has not reported yet that it is given back"
                        : "its agent is not Ready: everything is given back once it is"
                );
            }
        }
    }

    /// <summary>The three conditions of one policy.</summary>
    /// <param name="Problem">The first, if there is one.</param>
    private sealed record Verdict(
        PolicySituation Situation,
        NodeCounts Nodes,
        DeviceCounts Devices,
        ImmutableArray<(NodeView Node, NodeProgress Progress)> Selected,
        PolicyProblem? Problem
    )
    {
        private int Outstanding => Situation.HeldBack is null ? Nodes.Progressing : 0;

        public (string Type, ConditionStatus Status, Reason Reason, string Message) Ready()
        {
            if (Situation.HeldBack is { } held)
                return (ConditionTypes.Ready, ConditionStatus.False, held.Reason, held.Message);
            if (Selected.IsEmpty && Situation.GivingBack > 0)
            {
                return (
                    ConditionTypes.Ready,
                    ConditionStatus.False,
                    Reasons.GiveBack,
                    $"{Count(Situation.GivingBack, "node")} that nodeSelector chooses {(Situation.GivingBack == 1 ? "has" : "have")} the "
                        + $"annotation {HostdevAnnotations.GiveBack}=true on the NodeDeviceState and "
                        + $"{(Situation.GivingBack == 1 ? "gets" : "get")} no policy: hostdev-operator give-back --undo removes it"
                );
            }

            if (Selected.IsEmpty)
            {
                return (
                    ConditionTypes.Ready,
                    ConditionStatus.False,
                    Reasons.NoMatch,
                    "nodeSelector chooses no node that runs an agent: compare it with kubectl get nodes --show-labels, and look whether "
                        + "the agent's Pods run there"
                );
            }

            if (Nodes.Blocked > 0)
                return (ConditionTypes.Ready, ConditionStatus.False, Reasons.Blocked, BlockedMessage());
            if (Outstanding > 0)
                return (ConditionTypes.Ready, ConditionStatus.False, Reasons.Progressing, UnderWayMessage());
            if (Nodes.Unknown > 0)
                return (ConditionTypes.Ready, ConditionStatus.False, Reasons.AgentNotReady, UnknownMessage());
            return Devices.Matched == 0
                ? (
                    ConditionTypes.Ready,
                    ConditionStatus.False,
                    Reasons.NoMatch,
                    $"no device matches on {Count(Selected.Length, "node")} that nodeSelector chooses: "
                        + $"kubectl get nodedevicestate {Selected[0].Node.Name} -o yaml lists the devices of one of them"
                )
                : (
                    ConditionTypes.Ready,
                    ConditionStatus.True,
                    Reasons.Ready,
                    $"{Count(Devices.Ready, "device")} offered on {Count(Nodes.Ready, "node")}"
                );
        }

        public (string Type, ConditionStatus Status, Reason Reason, string Message) Progressing()
        {
            var rollout = Situation.Rollout;
            if (Situation.HeldBack is not null || Outstanding == 0)
            {
                return (ConditionTypes.Progressing, ConditionStatus.False, Reasons.Settled, "");
            }

            if (rollout is { HaltedBy: { } culprit } && rollout.Waiting > 0)
            {
                return (
                    ConditionTypes.Progressing,
                    ConditionStatus.False,
                    Reasons.Halted,
                    $"the rollout is halted with {Count(rollout.Waiting, "node")} to go, because a node is Degraded with generation "
                        + $"{Situation.Policy.Identity.Generation}: {culprit}. Mend that, change the policy, or set rollout.maxUnavailable "
                        + "to 100% to go on regardless"
                );
            }

            var changing = Selected.Where(s => s.Progress == NodeProgress.Changing).Select(s => s.Node.Name).ToList();
            var incomplete = Selected.Where(s => s.Progress == NodeProgress.Incomplete).Select(s => s.Node.Name).ToList();
            var users = Selected.Where(s => s.Progress == NodeProgress.WaitsForUsers).Select(s => s.Node.Name).ToList();
            var listless = Selected
                .Where(s => s.Node.Given is null && s.Node.Agent == AgentPresence.Ready)
                .Select(s => s.Node.Name)
                .ToList();
            IReadOnlyList<string> silent = rollout?.Waiting > 0 ? rollout.Silent : [];
            string[] parts =
            [
                listless.Count > 0 ? $"{Names(listless)} {(listless.Count == 1 ? "gets its" : "get their")} first list" : "",
                changing.Count > 0 ? $"under way on {Names(changing)}" : "",
                incomplete.Count > 0
                    ? $"{Names(incomplete)} {(incomplete.Count == 1 ? "lacks" : "lack")} virtual functions that pools name"
                    : "",
                rollout?.Admitted.Count > 0 ? $"about to begin on {Count(rollout.Admitted.Count, "node")}" : "",
                users.Count > 0 ? $"{Names(users)} {(users.Count == 1 ? "waits" : "wait")} for VMs that have the devices" : "",
                silent.Count > 0 ? $"waits for {Names(silent)}, whose {(silent.Count == 1 ? "agent is" : "agents are")} not Ready" : "",
                rollout?.Waiting > 0 ? $"{Count(rollout.Waiting, "node")} to go, {Count(rollout.Limit, "node")} at a time" : "",
            ];
            var reason =
                users.Count == Outstanding ? Reasons.WaitsForUsers
                : incomplete.Count == Outstanding ? Reasons.Incomplete
                : Reasons.RollingOut;
            return (ConditionTypes.Progressing, ConditionStatus.True, reason, string.Join("; ", parts.Where(p => p.Length > 0)));
        }

        public (string Type, ConditionStatus Status, Reason Reason, string Message) Degraded()
        {
            if (Situation.HeldBack is { } held)
                return (ConditionTypes.Degraded, ConditionStatus.True, held.Reason, held.Message);
            if (Nodes.Blocked > 0)
                return (ConditionTypes.Degraded, ConditionStatus.True, Reasons.Blocked, BlockedMessage());
            return Nodes.Unknown > 0
                ? (ConditionTypes.Degraded, ConditionStatus.True, Reasons.AgentNotReady, UnknownMessage())
                : (ConditionTypes.Degraded, ConditionStatus.False, Reasons.AsDesired, "");
        }

        /// <summary>What is in the way stands first: it is the one column that says what to do.</summary>
        private string UnderWayMessage() =>
            Problem is { } first ? $"{first.Node}: {first.Message}; {Progressing().Message}" : Progressing().Message;

        private string BlockedMessage()
        {
            var (node, progress) = Selected.First(s => IsStuck(s.Progress));
            if (progress == NodeProgress.Full)
                return NodeRoom.Message(node, Situation.Policy);
            var message = node.Results[Situation.Policy.Identity.Uid].Message;
            return Nodes.Blocked == 1
                ? $"{node.Name}: {message}"
                : $"{Count(Nodes.Blocked, "node")} cannot offer everything; {node.Name}: {message}";
        }

        private string UnknownMessage() =>
            "the agent's Pod is not Ready on "
            + $"{Names([.. Selected.Where(s => s.Node.Agent != AgentPresence.Ready).Select(s => s.Node.Name)])}: what "
            + "is there is not known; look at that Pod's log";

        private static string Names(IReadOnlyList<string> names) =>
            names.Count <= 3 ? string.Join(", ", names) : $"{names[0]}, {names[1]} and {names.Count - 2} more";
    }

    private static string Count(int number, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {noun}{(number == 1 ? "" : "s")}");
}
