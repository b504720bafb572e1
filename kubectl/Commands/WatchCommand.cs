using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev watch</c>: what happens to devices, nodes and policies, a line each.</summary>
internal static class WatchCommand
{
    public static Command Create(ClusterOptions cluster)
    {
        var output = ClusterOptions.Output();
        var command = new Command(
            "watch",
            "Say what changes: who gets which device, what is blocked and free again, which policy is ready."
        )
        {
            output,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var (to, gate) = (parsed.InvocationConfiguration.Output, new Lock());
                var form = ClusterOptions.Form(parsed, output);
                var nodes = new KindWatcher<NodeDeviceState>(
                    reader,
                    HostdevKinds.NodeDeviceStates,
                    "Node",
                    s => Sights.Of(NodeReading.Of(s)),
                    Tell,
                    TimeProvider.System
                );
                var policies = PolicyKinds
                    .All.Select(k => new KindWatcher<PolicyObject>(reader, k, k.Resource.Kind, Sights.Of, Tell, TimeProvider.System))
                    .ToList();
                var (there, named) = (await nodes.ListAsync(cancellationToken).ConfigureAwait(false), 0);
                foreach (var one in policies)
                    named += await one.ListAsync(cancellationToken).ConfigureAwait(false);
                reader.Note($"watching {there} nodes and {named} policies: what changes from now on is told");
                using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                Task[] all = [nodes.FollowAsync(ended.Token), .. policies.Select(p => p.FollowAsync(ended.Token))];
                var first = await Task.WhenAny(all).ConfigureAwait(false);
                await ended.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await first.ConfigureAwait(false);
                return 0;

                void Tell(ImmutableArray<Transition> transitions)
                {
                    lock (gate)
                    {
                        foreach (var transition in transitions)
                            to.Write(Text(transition, form));
                        to.Flush();
                    }
                }
            }
        );
        return command;
    }

    /// <summary>A line; of YAML a document, of JSON an object in one line.</summary>
    private static string Text(Transition transition, OutputForm form) =>
        form switch
        {
            OutputForm.Json => JsonSerializer.Serialize(transition, TransitionJsonContext.Default.Transition) + "\n",
            OutputForm.Yaml => "---\n"
                + Crds.Parsing.JsonToYaml.Convert(JsonSerializer.Serialize(transition, TransitionJsonContext.Default.Transition)),
            _ => PrintableText.Of(transition.Line) + "\n",
        };
}
