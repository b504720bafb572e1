using System.CommandLine;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Page;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev ui</c>: a page to look at, served to a browser of this machine with its user's rights.</summary>
internal static class UiCommand
{
    /// <summary>How often it is tried again what is not allowed, or not there.</summary>
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);

    public static Command Create(ClusterOptions cluster)
    {
        var port = new Option<int>("--port") { Description = "The port on 127.0.0.1; by default any that is free." };
        port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 65535)
                result.AddError($"--port is {result.GetValueOrDefault<int>()}: write 0 to 65535");
        });
        var noOpen = new Option<bool>("--no-open") { Description = "Print the address, and open no browser." };
        var command = new Command("ui", "Show nodes, devices, who has them and what waits on a page in the browser, live.")
        {
            port,
            noOpen,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var (board, time) = (new Board(), TimeProvider.System);
                var shown = new ClusterBoard(board);
                shown.About(reader.Client.Configuration.Server.ToString(), ClusterOptions.Version);
                var nodes = new KindWatcher<NodeDeviceState>(
                    reader.Client,
                    HostdevKinds.NodeDeviceStates,
                    Selection.Everything,
                    shown.See,
                    shown.LoseNode,
                    sentence => shown.Note("nodes", Away(sentence)),
                    time
                );
                await ListFirstAsync(nodes, cancellationToken).ConfigureAwait(false);
                await using var server = await ServeAsync(board, parsed.GetValue(port), time, cancellationToken).ConfigureAwait(false);
                var output = parsed.InvocationConfiguration.Output;
                await output.WriteLineAsync($"{server.Address}\n  lets one browser in, once. Ctrl-C ends it.").ConfigureAwait(false);
                await output.FlushAsync(cancellationToken).ConfigureAwait(false);
                using var browser = parsed.GetValue(noOpen) ? null : BrowserOpener.Open(server.Address, reader.Note);
                Task[] all =
                [
                    FollowAsync(nodes.FollowAsync, "nodes", shown, time, cancellationToken),
                    .. Others(reader.Client, shown, time).Select(o => FollowAsync(o.Follow, o.What, shown, time, cancellationToken)),
                    ShowWaitingAsync(shown, time, cancellationToken),
                ];
                await Task.WhenAll(all).ConfigureAwait(false);
                return 0;
            }
        );
        return command;
    }

    private static async Task<PageServer> ServeAsync(Board board, int port, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await PageServer.StartAsync(board, port, time, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new AnswerException($"port {port} of 127.0.0.1 is taken: name another one with --port, or none for any that is free", e);
        }
    }

    /// <summary>A cluster that is not there, or not known to, is said at once; what may not be read is said on the page.</summary>
    private static async Task ListFirstAsync(KindWatcher<NodeDeviceState> nodes, CancellationToken cancellationToken)
    {
        try
        {
            await nodes.ListAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            // The first look of FollowAsync meets the same, and notes it.
        }
    }

    private static IEnumerable<(string What, Func<CancellationToken, Task> Follow)> Others(
        KubeClient client,
        ClusterBoard shown,
        TimeProvider time
    )
    {
        foreach (var kind in PolicyKinds.All)
        {
            var word = kind.Resource.Kind;
            yield return Watch(kind, Selection.Everything, p => shown.See(word, p), k => shown.LosePolicy(word, k), word);
        }

        yield return Watch(
            PartialObjectMetadata.Of(ClusterReader.PodResource),
            new Selection { Labels = PodSight.OfVirtualMachines },
            shown.See,
            shown.LosePod,
            "VMs"
        );
        yield return Watch(PodView.Kind, new Selection { Fields = "status.phase=Pending" }, shown.See, shown.LosePending, "pods that wait");

        (string, Func<CancellationToken, Task>) Watch<T>(
            KubeKind<T> kind,
            Selection selection,
            Action<T> see,
            Action<ObjectKey> lose,
            string what
        )
            where T : class, IKubeObject
        {
            var watcher = new KindWatcher<T>(client, kind, selection, see, lose, s => shown.Note(what, Away(s)), time);
            return (what, watcher.FollowAsync);
        }
    }

    /// <summary>What may not be read costs that part alone, and is tried again: rights are given while somebody looks.</summary>
    private static async Task FollowAsync(
        Func<CancellationToken, Task> follow,
        string what,
        ClusterBoard shown,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        while (true)
        {
            try
            {
                await follow(cancellationToken).ConfigureAwait(false);
            }
            catch (KubeApiException e)
            {
                shown.Note(what, $"{what} are not shown: {Failure.Sentence(e)}");
            }

            await Task.Delay(s_retry, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task ShowWaitingAsync(ClusterBoard shown, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            shown.ShowWaiting();
            await Task.Delay(s_look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string? Away(string? sentence) =>
        sentence is null ? null : $"the API server is away, and this is what it said last: {sentence}";
}
