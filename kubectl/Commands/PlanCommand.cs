using System.Collections.Immutable;
using System.CommandLine;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev plan</c>: what policies would come to on all nodes, and nothing is written.</summary>
internal static class PlanCommand
{
    private const long MostBytes = 4 << 20; // the API server takes no object that is larger than 1.5 MiB

    public static Command Create(ClusterOptions cluster)
    {
        var output = ClusterOptions.Output();
        var files = new Option<string[]>("--filename", "-f")
        {
            Description = "Manifests of HostDevice, SriovPolicy or MdevProfile, as for kubectl apply; - is standard input.",
        };
        var without = new Option<string[]>("--without") { Description = "A policy that would be deleted: HostDevice/gpus." };
        without.CompletionSources.Add(cluster.PolicyNames);
        var command = new Command(
            "plan",
            "Say what policies would come to on every node, by what the nodes report. Changes nothing. Ends with 0 where nothing changes, "
                + "with 2 where something does or is not known, with 3 where something is blocked or refused, and with 1 where it could "
                + "not find out."
        )
        {
            files,
            without,
            output,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(files) is not { Length: > 0 } && result.GetValue(without) is not { Length: > 0 })
                result.AddError("nothing is asked about: name a manifest with -f, or a policy that goes with --without HostDevice/NAME");
        });
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                ImmutableArray<PolicyObject> applied = [.. (parsed.GetValue(files) ?? []).SelectMany(f => Read(f))];
                var view = await ViewAsync(reader, cancellationToken).ConfigureAwait(false);
                ImmutableArray<PolicyKey> deleted = [.. (parsed.GetValue(without) ?? []).Select(w => Key(w, view, applied))];
                var changes = PolicyChanges.Of(view, applied, deleted, TimeProvider.System.GetUtcNow());
                var plans = await PlansAsync(reader, view, changes, cancellationToken).ConfigureAwait(false);
                var plan = await WithVmsAsync(reader, ClusterPlan.Of(changes, view.Nodes.Length, plans), cancellationToken)
                    .ConfigureAwait(false);
                var form = ClusterOptions.Form(parsed, output);
                AnswerPrinter.Write(
                    parsed.InvocationConfiguration.Output,
                    form,
                    plan,
                    plan.Lines(form),
                    AnswersJsonContext.Default.ClusterPlan
                );
                return plan.ExitCode;
            }
        );
        return command;
    }

    /// <summary>Which VMs are waited for, as far as their pods may be read.</summary>
    private static async Task<ClusterPlan> WithVmsAsync(ClusterReader reader, ClusterPlan plan, CancellationToken cancellationToken)
    {
        var pods = plan.Changes.SelectMany(c => c.WaitsFor ?? []).Select(p => p.Key).ToHashSet();
        if (pods.Count == 0)
            return plan;
        var seen = await reader.Pods.LookAsync(pods, cancellationToken).ConfigureAwait(false);
        return plan with { Changes = [.. plan.Changes.Select(c => c.With(p => seen.GetValueOrDefault(p)?.VirtualMachine))] };
    }

    private static ImmutableArray<PolicyObject> Read(string file)
    {
        var name = file == "-" ? "standard input" : file;
        var policies = PolicyFile.Read(Text(file, name), out var error);
        return error.Length == 0 ? policies : throw new AnswerException($"{name}: {error}");
    }

    private static string Text(string file, string name)
    {
        try
        {
            if (file == "-")
                return Console.In.ReadToEnd();
            if (new FileInfo(file) is { Exists: true, Length: > MostBytes })
                throw new AnswerException($"{name} has more than {MostBytes} bytes, which no API server takes: is it the right file?");
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnswerException($"{name} cannot be read: {e.Message}");
        }
    }

    /// <exception cref="AnswerException">There is none, or it is applied too.</exception>
    private static PolicyKey Key(string text, ClusterView view, ImmutableArray<PolicyObject> applied)
    {
        var there = view
            .Policies.Select(p => p.Key)
            .FirstOrDefault(k => string.Equals(k.ToString(), text, StringComparison.OrdinalIgnoreCase));
        if (there == default)
        {
            var known = view.Policies.Take(8).Select(p => p.Key.ToString()).ToList();
            throw new AnswerException(
                $"--without names {text}, which is not there: "
                    + (known.Count == 0 ? "there are no policies" : $"write KIND/NAME, for example {string.Join(", ", known)}")
            );
        }

        return applied.Any(p => (p.Kind, p.Metadata.Name) == (there.Kind, there.Name))
            ? throw new AnswerException($"{text} is in a manifest, and --without names it too: leave one of the two out")
            : there;
    }

    /// <summary>The cluster as the operator sees it. Every node that has reported is taken to have an agent that runs.</summary>
    private static async Task<ClusterView> ViewAsync(ClusterReader reader, CancellationToken cancellationToken)
    {
        var policies = ImmutableArray.CreateBuilder<ClusterPolicy>();
        await foreach (var (kind, policy) in PolicyReader.ReadAsync(reader.Client, cancellationToken).ConfigureAwait(false))
        {
            if (policy.Metadata.DeletionTimestamp is null)
                policies.Add(ClusterPolicy.Read(policy with { Kind = kind }));
        }

        var nodes = new Dictionary<string, PartialObjectMetadata>(StringComparer.Ordinal);
        var listed = reader.Client.ListPagesAsync(
            PartialObjectMetadata.Of(ClusterReader.NodeResource),
            Selection.Everything,
            cancellationToken
        );
        await foreach (var page in listed.ConfigureAwait(false))
        {
            foreach (var node in page.Items)
                nodes[node.Metadata.Name] = node;
        }

        var views = ImmutableArray.CreateBuilder<NodeView>();
        var states = reader.Client.ListPagesAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken);
        await foreach (var page in states.ConfigureAwait(false))
        {
            foreach (var state in page.Items)
            {
                var name = state.Metadata.Name;
                var agent = state.Status is null ? AgentPresence.NotReady : AgentPresence.Ready;
                views.Add(NodeView.Of(name, state, nodes.GetValueOrDefault(name), agent));
            }
        }

        return new ClusterView
        {
            Policies = policies.ToImmutable(),
            Kinds = PolicyKinds.All.ToImmutableDictionary(k => k.Resource.Kind, _ => DateTimeOffset.MinValue),
            Nodes = views.ToImmutable(),
        };
    }

    /// <summary>Of the nodes for which something is different at the end; one page of them is kept at a time.</summary>
    private static async Task<ImmutableArray<NodePlan>> PlansAsync(
        ClusterReader reader,
        ClusterView view,
        PolicyChanges changes,
        CancellationToken cancellationToken
    )
    {
        var concerned = view
            .Nodes.Select(n => (n.Name, Entries: changes.Of(n)))
            .Where(n => n.Entries is not null)
            .ToDictionary(n => n.Name, n => n.Entries!.Value, StringComparer.Ordinal);
        if (concerned.Count == 0)
            return [];
        var plans = ImmutableArray.CreateBuilder<NodePlan>(concerned.Count);
        var pages = reader.Client.ListPagesAsync(HostdevKinds.NodeDeviceStates, Selection.Everything, cancellationToken);
        await foreach (var page in pages.ConfigureAwait(false))
        {
            plans.AddRange(page.Unreadable.Select(u => NodePlan.Unknown(u.Key.Name, $"its state cannot be read: {u.Error}")));
            plans.AddRange(
                page.Items.Where(s => concerned.ContainsKey(s.Metadata.Name))
                    .AsParallel()
                    .Select(s => NodePlan.Of(s, concerned[s.Metadata.Name].Before, concerned[s.Metadata.Name].After))
            );
        }

        return plans.ToImmutable();
    }
}
