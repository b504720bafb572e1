using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
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
                var (there, named) = (0, 0);
                var all = new List<Func<CancellationToken, Task>>();
                there += await BeginAsync(HostdevKinds.NodeDeviceStates, "Node", s => Sights.Of(NodeReading.Of(s))).ConfigureAwait(false);
                foreach (var kind in PolicyKinds.All)
                    named += await BeginAsync(kind, kind.Resource.Kind, Sights.Of).ConfigureAwait(false);
                reader.Note($"watching {there} nodes and {named} policies: what changes from now on is told");
                using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var running = all.ConvertAll(follow => follow(ended.Token));
                var first = await Task.WhenAny(running).ConfigureAwait(false);
                await ended.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await first.ConfigureAwait(false);
                return 0;

                async Task<int> BeginAsync<T>(KubeKind<T> kind, string prefix, Func<T, ImmutableSortedDictionary<string, string>> sightsOf)
                    where T : class, IKubeObject
                {
                    var time = TimeProvider.System;
                    var teller = new TransitionTeller<T>(prefix, sightsOf, Tell, time);
                    var watcher = new KindWatcher<T>(reader.Client, kind, Selection.Everything, teller.See, teller.Lose, SayTrouble, time);
                    var count = await watcher.ListAsync(cancellationToken).ConfigureAwait(false);
                    teller.IsTelling = true;
                    all.Add(watcher.FollowAsync);
                    return count;
                }

                void SayTrouble(string? sentence)
                {
                    if (sentence is not null)
                        reader.Note($"{sentence}: tried again");
                }

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
