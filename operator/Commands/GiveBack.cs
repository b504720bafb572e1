using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Operator.Reconcilers;
using Hostdev.Projection;

namespace Hostdev.Operator.Commands;

/// <summary>Tells all nodes to give everything back, and waits. Works with an operator beside it and without one.</summary>
/// <param name="pods">Which are the agents'.</param>
/// <param name="say">Takes a line for the admin.</param>
internal sealed class GiveBack(KubeClient client, Selection pods, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookForEachNode = TimeSpan.FromMilliseconds(4); // a look lists every node's state: 20 s at 5,000 nodes
    private static readonly WriteOptions Write = new() { FieldManager = OperatorOptions.FieldManager };

    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string?> _looked = new(StringComparer.Ordinal); // the version of each state whose holders were told
    private string _said = "";

    /// <returns>Whether everything is given back on all nodes.</returns>
    /// <exception cref="KubeApiException">What waiting does not mend: no right to do it, or kinds that are not there.</exception>
    public async Task<bool> RunAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var (pause, isOver) = (Look, time.GetElapsedTime(began) >= timeout);
            try
            {
                var states = await AskAsync(cancellationToken).ConfigureAwait(false);
                var agents = await AgentsAsync(cancellationToken).ConfigureAwait(false);
                // An agent that is starting knows what earlier ones have taken: it is waited for as long as there is time.
                var left = states.Where(s => !GiveBackReport.IsDone(s, agents.GetValueOrDefault(s.Metadata.Name), isOver)).ToList();
                if (left.Count == 0)
                {
                    SayDone(states, [.. states.Where(s => GiveBackReport.NeverRan(s, agents.GetValueOrDefault(s.Metadata.Name)))]);
                    return true;
                }

                SayOnce($"{states.Count - left.Count} of {states.Count} nodes have given everything back; {Names(left)} to go");
                if (isOver)
                    await ReportAsync(left, agents, timeout, cancellationToken).ConfigureAwait(false);
                else
                    await TellHoldersAsync(left, agents, cancellationToken).ConfigureAwait(false);
                pause += LookForEachNode * states.Count;
            }
            catch (Exception e) when (CommandSettings.IsPassing(e))
            {
                SayOnce($"{e.Message}: tried again");
                if (isOver)
                    say(
                        $"after {timeout.TotalSeconds:0} s it is not known what is given back, because the API server "
                            + "does not answer as it should; the nodes that were told go on: run it again"
                    );
            }

            if (isOver)
                return false;
            var remaining = timeout - time.GetElapsedTime(began);
            await Task.Delay(remaining > TimeSpan.Zero && remaining < pause ? remaining : pause, time, cancellationToken)
                .ConfigureAwait(false);
        }
    }

    public async Task UndoAsync(CancellationToken cancellationToken)
    {
        var states = (
            await client.ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken).ConfigureAwait(false)
        )
            .Items.Where(IsAsked)
            .ToList();
        JsonBody patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [HostdevAnnotations.GiveBack] = null } },
        };
        foreach (var state in states)
            await PatchAsync(state, patch, cancellationToken).ConfigureAwait(false);
        say(
            states.Count == 0
                ? "no node was giving back"
                : $"{states.Count} nodes get their policies again, so many at a time as each policy's rollout allows"
        );
    }

    /// <summary>All states of nodes that are there, each asked to give back: also those that came since the last time.</summary>
    private async Task<List<NodeDeviceStateSummary>> AskAsync(CancellationToken cancellationToken)
    {
        var listed = await client
            .ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken)
            .ConfigureAwait(false);
        var nodes = (
            await client
                .ListAsync(PartialObjectMetadata.Of(ClusterStores.NodeResource), Selection.Everything, cancellationToken)
                .ConfigureAwait(false)
        )
            .Items.Select(n => n.Metadata.Name)
            .ToHashSet(StringComparer.Ordinal);
        // The annotation for an operator that runs, the empty list for agents in case none does; in one write, so that neither undoes the
        // other.
        JsonBody patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [HostdevAnnotations.GiveBack] = "true" } },
            ["spec"] = new JsonObject { ["policies"] = new JsonArray() },
        };
        var states = new List<NodeDeviceStateSummary>();
        foreach (var state in listed.Items.Where(s => nodes.Contains(s.Metadata.Name)))
        {
            if (IsAsked(state) && state.Spec is { Policies.IsEmpty: true })
                states.Add(state);
            else if (await PatchAsync(state, patch, cancellationToken).ConfigureAwait(false) is { } asked)
                states.Add(asked);
        }

        return states;
    }

    /// <summary>Null when it has gone meanwhile, with its Node.</summary>
    private async Task<NodeDeviceStateSummary?> PatchAsync(
        NodeDeviceStateSummary state,
        JsonBody patch,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await client
                .MergePatchAsync(HostdevKinds.NodeDeviceStateSummaries, ObjectKey.Of(state), patch, Write, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    private async Task<Dictionary<string, AgentSight>> AgentsAsync(CancellationToken cancellationToken)
    {
        var listed = await client.ListAsync(AgentPod.Kind, pods, cancellationToken).ConfigureAwait(false);
        return AgentPod.Sights(listed.Items);
    }

    /// <summary>
    /// Says at once who holds what on nodes that have answered, each line once: whoever follows the log can stop these VMs while the time
    /// still runs, and where a helm's patience ends before ours
    /// nothing else would ever be said.
    /// </summary>
    private async Task TellHoldersAsync(
        List<NodeDeviceStateSummary> left,
        Dictionary<string, AgentSight> agents,
        CancellationToken cancellationToken
    )
    {
        foreach (var state in left.Where(GiveBackReport.IsAnswered))
        {
            var (node, version) = (state.Metadata.Name, state.Metadata.ResourceVersion);
            if (
                agents.GetValueOrDefault(node).Presence != AgentPresence.Ready
                || (_looked.TryGetValue(node, out var looked) && looked == version)
            )
                continue;
            foreach (var line in (await LinesAsync(state, agents, cancellationToken).ConfigureAwait(false)).Where(_told.Add))
                say($"  {line}");
            _looked[node] = version;
        }
    }

    private async Task ReportAsync(
        List<NodeDeviceStateSummary> left,
        Dictionary<string, AgentSight> agents,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        say($"not everything is given back after {timeout.TotalSeconds:0} s:");
        foreach (var state in left)
        {
            foreach (var line in await LinesAsync(state, agents, cancellationToken).ConfigureAwait(false))
                say($"  {line}");
        }

        say(
            "the nodes go on giving back: free what is held and run this again, or hostdev-operator give-back --undo "
                + "for nodes to get their policies again"
        );
    }

    /// <summary>None where the state has gone meanwhile, with its Node.</summary>
    private async Task<ImmutableArray<string>> LinesAsync(
        NodeDeviceStateSummary state,
        Dictionary<string, AgentSight> agents,
        CancellationToken cancellationToken
    ) =>
        await client.FindAsync(HostdevKinds.NodeDeviceStates, ObjectKey.Of(state), cancellationToken).ConfigureAwait(false) is { } full
            ? GiveBackReport.Lines(full, agents.GetValueOrDefault(full.Metadata.Name).Presence)
            : [];

    private void SayDone(List<NodeDeviceStateSummary> states, List<NodeDeviceStateSummary> without)
    {
        if (without.Count > 0)
            say($"no agent's Pod was ever Ready on {Names(without)}: nothing was taken there");
        say(
            (states.Count - without.Count) switch
            {
                0 => "there is no node that anything was taken from",
                1 => $"everything is given back on {states.Except(without).Single().Metadata.Name}",
                var all => $"everything is given back on all {all} nodes",
            }
        );
    }

    private void SayOnce(string line)
    {
        if (line != _said)
            say(_said = line);
    }

    private static bool IsAsked(NodeDeviceStateSummary state) =>
        state.Metadata.Annotations.GetValueOrDefault(HostdevAnnotations.GiveBack) == "true";

    private static string Names(List<NodeDeviceStateSummary> states) =>
        states.Count <= 3
            ? string.Join(", ", states.Select(s => s.Metadata.Name))
            : $"{states[0].Metadata.Name}, {states[1].Metadata.Name} and {states.Count - 2} more";
}
