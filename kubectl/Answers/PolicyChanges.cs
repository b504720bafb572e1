using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Answers;

/// <summary>What becomes of a policy.</summary>
public enum PolicyChange
{
    /// <summary>There is none of this name yet.</summary>
    New,
    Changed,

    /// <summary>It says what is there already.</summary>
    Same,

    /// <summary>It goes.</summary>
    Deleted,

    /// <summary>It was not understood, or breaks a rule: the API server would not take it.</summary>
    Refused,
}

/// <summary>
/// A cluster before and after a change of its policies, as the operator sees both: what each node is to have at the end, whoever comes
/// first. Pure.
/// </summary>
public sealed class PolicyChanges
{
    private PolicyChanges(ClusterProjection before, ClusterProjection after, ImmutableArray<PolicyOutlook> policies) =>
        (Before, After, Policies) = (before, after, policies);

    /// <summary>How it goes on without the change.</summary>
    public ClusterProjection Before { get; }

    public ClusterProjection After { get; }

    /// <summary>What was asked about, in that order.</summary>
    public ImmutableArray<PolicyOutlook> Policies { get; }

    /// <param name="view">As it stands.</param>
    /// <param name="applied">What would be applied.</param>
    /// <param name="deleted">What would be deleted.</param>
    /// <param name="now">When it would be: a new policy is the youngest.</param>
    public static PolicyChanges Of(
        ClusterView view,
        IReadOnlyCollection<PolicyObject> applied,
        IReadOnlyCollection<PolicyKey> deleted,
        DateTimeOffset now
    )
    {
        var policies = view.Policies.ToDictionary(p => p.Key);
        var changes = new List<(PolicyKey Key, PolicyChange Change, string? Refusal)>();
        foreach (var key in deleted)
        {
            policies.Remove(key);
            changes.Add((key, PolicyChange.Deleted, null));
        }

        foreach (var policy in applied)
        {
            var key = new PolicyKey(policy.Kind, policy.Metadata.Name);
            var there = view.Policies.FirstOrDefault(p => p.Key == key);
            var next = Applied(policy, there, now);
            var refusal = PolicyReader.AsNew(next.Policy, there?.Policy) as DesiredPolicy.Frozen;
            var change =
                refusal is not null ? PolicyChange.Refused
                : there is null ? PolicyChange.New
                : ReferenceEquals(next, there) ? PolicyChange.Same
                : PolicyChange.Changed;
            if (refusal is null)
                policies[key] = next;
            changes.Add((key, change, refusal?.Message));
        }

        var (before, after) = (Projector.Project(view), Projector.Project(view with { Policies = [.. policies.Values] }));
        return new PolicyChanges(
            before,
            after,
            [
                .. changes.Select(c =>
                    Outlook(c.Key, c.Change, c.Refusal, (c.Change == PolicyChange.Deleted ? before : after).Policies, view.Nodes)
                ),
            ]
        );
    }

    /// <summary>What a node has at the end, before and after; null where that is the same.</summary>
    public (ImmutableArray<NodeEntry> Before, ImmutableArray<NodeEntry> After)? Of(NodeView node)
    {
        var (before, after) = (Before.AtTheEnd(node), After.AtTheEnd(node));
        return before.Select(e => e.Version).SequenceEqual(after.Select(e => e.Version)) ? null : (before, after);
    }

    /// <summary>As the API server would keep it. The one that is there where it says the same, with defaults written out or not.</summary>
    private static ClusterPolicy Applied(PolicyObject policy, ClusterPolicy? there, DateTimeOffset now)
    {
        var identity = there?.Identity;
        var read = ClusterPolicy.Read(
            policy with
            {
                Metadata = policy.Metadata with
                {
                    Uid = identity?.Uid ?? $"{policy.Kind}/{policy.Metadata.Name}",
                    Generation = (identity?.Generation ?? 0) + 1,
                    CreationTimestamp = identity?.CreationTimestamp ?? now,
                },
                Status = there?.Status,
            }
        );
        return
            there is not null
            && PolicyReader.Spec(read.Policy)?.GetRawText() is { } spec
            && spec == PolicyReader.Spec(there.Policy)?.GetRawText()
            ? there
            : read;
    }

    private static PolicyOutlook Outlook(
        PolicyKey key,
        PolicyChange change,
        string? refusal,
        ImmutableArray<PolicySituation> situations,
        ImmutableArray<NodeView> nodes
    )
    {
        var outlook = new PolicyOutlook
        {
            Policy = key.ToString(),
            Change = change,
            Nodes = nodes.Length,
        };
        if (refusal is not null)
            return outlook with { Reason = Reasons.InvalidSpec.Name, Message = refusal };
        var situation = situations.First(s => s.Policy.Key == key);
        return outlook with
        {
            Reason = situation.HeldBack?.Reason.Name,
            Message = situation.HeldBack?.Message,
            Selected = situation.Selected.Length,
            AtATime = situation.Rollout?.Limit,
            First = [.. (situation.Rollout?.Admitted ?? ImmutableHashSet<string>.Empty).Order(StringComparer.Ordinal)],
            WithoutRoom = [.. situation.Full.Order(StringComparer.Ordinal)],
        };
    }
}

/// <summary>What the operator would say of one policy.</summary>
public sealed record PolicyOutlook
{
    public required string Policy { get; init; }

    public required PolicyChange Change { get; init; }

    /// <summary>Why no node gets it; null where they do.</summary>
    public string? Reason { get; init; }

    public string? Message { get; init; }

    /// <summary>Nodes that its nodeSelector picks.</summary>
    public int Selected { get; init; }

    /// <summary>All that run an agent.</summary>
    public required int Nodes { get; init; }

    /// <summary>How many change at a time; null where none does.</summary>
    public int? AtATime { get; init; }

    /// <summary>The nodes that would be told at once.</summary>
    public ImmutableArray<string> First { get; init; } = [];

    /// <summary>Nodes whose state has no room for one more policy.</summary>
    public ImmutableArray<string> WithoutRoom { get; init; } = [];

    /// <summary>Nothing of it comes into force anywhere.</summary>
    public bool IsRefused => Message is not null;
}
