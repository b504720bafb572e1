using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Kubectl.Answers;

/// <summary>Why a pod that asks for devices does not run, as far as devices have to do with it.</summary>
public sealed record PodReason
{
    /// <summary><c>namespace/name</c>.</summary>
    public required string Pod { get; init; }

    public required string Phase { get; init; }

    /// <summary>Null before it is scheduled.</summary>
    public string? Node { get; init; }

    /// <summary>The answer, in a sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>What the kubelet or the scheduler says of it.</summary>
    public required ImmutableArray<string> Said { get; init; }

    public required ImmutableArray<WantedResource> Wants { get; init; }

    private const int MostLines = 20;

    public ImmutableArray<string> Lines()
    {
        var lines = new List<string> { $"{Pod}: {Phase}{(Node is null ? "" : $" on {Node}")}", Verdict };
        lines.AddRange(Said.Select(s => $"  {s}"));
        foreach (var wanted in Wants)
            lines.AddRange(["", .. wanted.Lines(MostLines)]);
        return [.. lines];
    }

    /// <summary>Of each list no more than this, for whoever shows many pods: the sentence counts all.</summary>
    public PodReason First(int most) =>
        this with
        {
            Wants =
            [
                .. Wants.Select(w =>
                    w with
                    {
                        Nodes = [.. w.Nodes.Take(most)],
                        Enough = [.. w.Enough.Take(most)],
                        Holders = [.. w.Holders.Take(most)],
                        Obstacles = [.. w.Obstacles.Take(most)],
                    }
                ),
            ],
        };

    /// <param name="said">Events, newest last.</param>
    public static PodReason Of(PodView pod, ImmutableArray<WantedResource> wants, ImmutableArray<string> said)
    {
        var status = pod.Status;
        var unscheduled = status?.Conditions.FirstOrDefault(c => c is { Type: "PodScheduled", Status: "False" });
        string?[] words = [Sentence(status?.Reason, status?.Message), Sentence(unscheduled?.Reason, unscheduled?.Message)];
        return new PodReason
        {
            Pod = $"{pod.Metadata.Namespace}/{pod.Metadata.Name}",
            Phase = status?.Phase ?? "Unknown",
            Node = pod.Spec?.NodeName,
            Verdict = Judge(pod, wants),
            Said = [.. words.OfType<string>().Concat(said).Distinct(StringComparer.Ordinal)],
            Wants = wants,
        };
    }

    private static string Judge(PodView pod, ImmutableArray<WantedResource> wants)
    {
        if (wants.IsEmpty)
            return "It asks for no resource: devices have nothing to do with it.";
        if (wants.FirstOrDefault(w => !w.IsOurs) is { } strange)
            return $"It asks for {strange.Resource}, which no policy names and no node offers: is the name spelled right?";
        if (pod.Spec?.NodeName is { } node)
            return pod.Status?.Phase switch
            {
                "Running" or "Succeeded" => $"It has got what it asks for, on {node}.",
                "Failed" => $"It was given to {node}, and failed there.",
                _ => $"It is scheduled to {node}: devices are given when its containers are made.",
            };
        if (wants.FirstOrDefault(w => w.Nodes.IsEmpty) is { } nowhere)
            return $"No node offers {nowhere.Resource}.";
        if (wants.FirstOrDefault(w => w.Enough.IsEmpty) is { } scarce)
            return $"No node has {Count(scarce)} free: {scarce.Nodes.Sum(n => n.Free)} are free on {Nodes(scarce.Nodes.Length)}, "
                + $"{scarce.Nodes.Sum(n => n.Allocated)} are with pods"
                + (scarce.Nodes.Sum(n => n.Cordoned) is > 0 and var cordoned ? $", {cordoned} are cordoned by an admin." : ".");
        var all = wants.Select(w => w.Enough).Aggregate((a, b) => [.. a.Intersect(b, StringComparer.Ordinal)]);
        return all.IsEmpty
            ? $"Each resource is free somewhere, and no node has all of them: {string.Join("; ", wants.Select(Where))}."
            : $"{string.Join(", ", all.Take(5))} {(all.Length == 1 ? "has" : "have")} enough free: something else than devices keeps it.";
    }

    private static string Where(WantedResource wanted) => $"{wanted.Resource} on {string.Join(", ", wanted.Enough.Take(5))}";

    private static string Count(WantedResource wanted) => $"{wanted.Asked} {wanted.Resource}";

    private static string Nodes(int count) => count == 1 ? "1 node" : $"{count} nodes";

    private static string? Sentence(string? reason, string? message) =>
        (reason, message) switch
        {
            (null, null) => null,
            (null, _) => message,
            (_, null) => reason,
            _ => $"{reason}: {message}",
        };
}

/// <summary>One resource that a pod asks for, and how it stands in the cluster.</summary>
public sealed record WantedResource
{
    public required string Resource { get; init; }

    public required int Asked { get; init; }

    /// <summary>Whether a policy names it, or a node offers it.</summary>
    public required bool IsOurs { get; init; }

    /// <summary>Nodes that offer it, those with most free first.</summary>
    public required ImmutableArray<ResourceRow> Nodes { get; init; }

    /// <summary>Names of the nodes that have enough free.</summary>
    public required ImmutableArray<string> Enough { get; init; }

    public required ImmutableArray<DeviceRow> Holders { get; init; }

    /// <summary>What is in the way on nodes, and of policies as a whole.</summary>
    public required ImmutableArray<Obstacle> Obstacles { get; init; }

    internal IEnumerable<string> Lines(int most)
    {
        yield return $"{Resource}: {Asked} asked for";
        foreach (var line in Some(Nodes, Counts))
            yield return line;
        foreach (var line in Some(Holders, h => $"{h.Node} {h.Id}: {h.State}, pod {h.PodText ?? "unknown"}{Machine(h)}"))
            yield return line;
        foreach (var line in Some(Obstacles, o => $"{o.Where}: {o.Policy}: {o.Reason}: {o.Message}"))
            yield return line;

        IEnumerable<string> Some<T>(ImmutableArray<T> all, Func<T, string> text) =>
            all.Take(most).Select(a => "  " + text(a)).Concat(all.Length > most ? [$"  and {all.Length - most} more"] : []);
    }

    private static string Counts(ResourceRow row) =>
        $"{row.Node}: {row.Free} of {row.Capacity} free, {row.Allocated} with pods, {row.Unhealthy} unhealthy"
        + (row.Cordoned == 0 ? "" : $", of which an admin has cordoned {row.Cordoned}: kubectl hostdev devices --node {row.Node}");

    private static string Machine(DeviceRow row) => row.VirtualMachine is null ? "" : $" (VM {row.VirtualMachine})";
}

/// <param name="Where">A node, or <c>cluster</c>.</param>
public sealed record Obstacle(string Where, string Policy, string Reason, string Message);

/// <summary>Gathers, node by node, what concerns the resources of one pod; it keeps nothing of nodes that do not.</summary>
public sealed class WantedResources(IReadOnlyDictionary<string, int> requests)
{
    private readonly Dictionary<string, List<ResourceRow>> _nodes = [];
    private readonly Dictionary<string, List<DeviceRow>> _holders = [];
    private readonly Dictionary<string, List<Obstacle>> _obstacles = [];
    private readonly HashSet<string> _ours = new(StringComparer.Ordinal);

    public void Add(NodeReading reading)
    {
        foreach (var row in ResourceRow.Of(reading).Where(r => requests.ContainsKey(r.Resource)))
        {
            _ours.Add(row.Resource);
            Of(_nodes, row.Resource).Add(row);
        }

        foreach (var device in NodeDevices.Of(reading))
        {
            if (
                device.Resource is { } resource
                && requests.ContainsKey(resource)
                && device.State is DeviceUse.Allocated or DeviceUse.Returning
            )
                Of(_holders, device.Resource).Add(device);
        }

        foreach (var result in (reading.Status?.Policies ?? []).OfType<PolicyResult>())
        {
            foreach (var name in reading.NamesOf(result.Uid).Where(requests.ContainsKey))
            {
                _ours.Add(name);
                if (result.Reason != Reasons.Ready && result.Reason != Reasons.NoMatch)
                    Of(_obstacles, name).Add(new(reading.Node, $"{result.Kind}/{result.Name}", result.Reason.Name, result.Message));
            }
        }
    }

    /// <summary>A policy as a whole: what no node says, because none is chosen or nothing matches.</summary>
    public void Add(string kind, PolicyObject policy)
    {
        foreach (var name in PolicyResources.Of(policy.Spec).Concat(PolicyResources.CompanionsOf(policy.Spec)).Where(requests.ContainsKey))
        {
            _ours.Add(name);
            var ready = policy.Status?.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.Ready);
            if (ready is null)
                Of(_obstacles, name).Add(new("cluster", $"{kind}/{policy.Metadata.Name}", "Unseen", "no operator has looked at it yet"));
            else if (ready.Status != Kube.Meta.ConditionStatus.True)
                Of(_obstacles, name).Add(new("cluster", $"{kind}/{policy.Metadata.Name}", ready.Reason, ready.Message));
        }
    }

    public ImmutableArray<WantedResource> Result() =>
        [
            .. requests.Select(r =>
            {
                var nodes = Of(_nodes, r.Key).OrderByDescending(n => n.Free).ThenBy(n => n.Node, StringComparer.Ordinal).ToImmutableArray();
                return new WantedResource
                {
                    Resource = r.Key,
                    Asked = r.Value,
                    IsOurs = _ours.Contains(r.Key),
                    Nodes = nodes,
                    Enough = [.. nodes.Where(n => n.Free >= r.Value).Select(n => n.Node)],
                    Holders = [.. Of(_holders, r.Key)],
                    Obstacles = [.. Of(_obstacles, r.Key).OrderByDescending(o => o.Where == "cluster")],
                };
            }),
        ];

    private static List<T> Of<T>(Dictionary<string, List<T>> lists, string key)
    {
        if (!lists.TryGetValue(key, out var list))
            lists[key] = list = [];
        return list;
    }
}
