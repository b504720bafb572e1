using System.Collections.Immutable;
using System.CommandLine;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev why</c>: why a pod that asks for devices is pending, or failed.</summary>
internal static class WhyCommand
{
    public static Command Create(ClusterOptions cluster)
    {
        var output = ClusterOptions.Output();
        var pod = new Argument<string>("pod") { Description = "Its name, or namespace/name." };
        var command = new Command(
            "why",
            "Say why a pod that asks for devices does not run: what is free, who has the rest, what is blocked."
        )
        {
            pod,
            output,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var key = Key(parsed.GetValue(pod)!, parsed.GetValue(cluster.Namespace) ?? reader.DefaultNamespace);
                var found =
                    await reader.Client.FindAsync(PodView.Kind, key, cancellationToken).ConfigureAwait(false)
                    ?? throw new AnswerException($"there is no pod {key}: name another namespace with -n");
                var wanted = new WantedResources(found.Requests());
                await foreach (var page in reader.NodesAsync(null, cancellationToken).ConfigureAwait(false))
                {
                    foreach (var node in page)
                        wanted.Add(node);
                }

                var policies = PolicyReader.ReadAsync(reader.Client, cancellationToken).ConfigureAwait(false);
                await foreach (var (kind, policy) in policies)
                    wanted.Add(kind, policy);

                var wants = wanted.Result();
                var holders = await reader.WithPodsAsync([.. wants.SelectMany(w => w.Holders)], cancellationToken).ConfigureAwait(false);
                var answer = PodReason.Of(
                    found,
                    [.. wants.Select(w => w with { Holders = [.. holders.Where(h => h.Resource == w.Resource)] })],
                    await EventsAsync(reader, key, cancellationToken).ConfigureAwait(false)
                );
                AnswerPrinter.Write(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    answer,
                    answer.Lines(),
                    AnswersJsonContext.Default.PodReason
                );
                return 0;
            }
        );
        return command;
    }

    /// <summary><c>namespace/name</c>, or <c>pod/name</c> as kubectl prints it, or a name.</summary>
    private static ObjectKey Key(string text, string ns) =>
        text.Split('/', 2) switch
        {
            ["pod" or "pods", var name] => new ObjectKey(name, ns),
            [var space, var name] => new ObjectKey(name, space),
            _ => new ObjectKey(text, ns),
        };

    /// <summary>What the pod's Events say, warnings alone: what was refused, and why it is not scheduled.</summary>
    private static async Task<ImmutableArray<string>> EventsAsync(ClusterReader reader, ObjectKey pod, CancellationToken cancellationToken)
    {
        var selection = new Selection { Namespace = pod.Namespace, Fields = $"regarding.kind=Pod,regarding.name={pod.Name}" };
        try
        {
            var events = await reader.Client.ListAsync(EventView.Kind, selection, cancellationToken).ConfigureAwait(false);
            return
            [
                .. events
                    .Items.Where(e => e.Type == "Warning")
                    .OrderBy(e => e.Metadata.CreationTimestamp)
                    .TakeLast(10)
                    .Select(e => $"{e.Reason}: {e.Note}"),
            ];
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            reader.Note($"Events are not known: {Failure.Forbidden(e)}");
            return [];
        }
    }
}
