using Hostdev.Kube.Client;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Sandbox.Demo;

/// <summary>One run of the cluster's demo: the story, then, where it is wanted, the cluster as it is until somebody ends it.</summary>
internal sealed class ClusterRun(IStoryScreen screen, int seed, TimeSpan patience)
{
    private readonly TimeProvider _time = TimeProvider.System;

    /// <summary>Done to the cluster before the story begins: for tests that break a promise.</summary>
    public Action<SandboxCluster>? Sabotage { get; init; }

    /// <summary>Where logs are kept after a story that did not come true; null when they are not.</summary>
    public string? Kept { get; private set; }

    /// <summary>Whether only the story's beginning is told: operators and agents start.</summary>
    public bool BeginsOnly { get; init; }

    /// <param name="stay">Whether the cluster runs on after the story, until it is cancelled.</param>
    /// <returns>0 when every step came true, 1 when one did not, 130 when the story was interrupted.</returns>
    public async Task<int> RunAsync(bool stay, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var directory = SandboxDirectory.Create();
        var failed = true;
        SandboxCluster? cluster = null;
        try
        {
            cluster = await SandboxCluster.StartAsync(directory, runsAnyPod: true, cancellationToken: cancellationToken);
            cluster.Timings = ClusterStory.Timings;
            await BootAsync(cluster, cancellationToken);
            Sabotage?.Invoke(cluster);
            Introduce(cluster);
            using var client = new KubeClient(
                KubeConfiguration.FromKubeconfig(cluster.Kubeconfig, null, _time),
                "hostdev-demo/0",
                _time,
                NullLogger<KubeClient>.Instance
            );
            var chapter = new ClusterChapter(cluster, new ClusterAdmin(client), screen, patience, _time, cancellationToken);
            var steps = new ClusterStory().Steps;
            var problem = await new Story<ClusterChapter>(chapter, screen, _time).TellAsync(BeginsOnly ? steps[..1] : steps);
            failed = problem is not null;
            screen.Say(
                problem is null ? $"Every step came true, in {StoryText.Duration(_time.GetElapsedTime(began))}." : $"demo: {problem}"
            );
            if (failed)
                Kept = directory;
            if (failed)
                screen.Say($"Logs of operators and agents are kept in {directory}");
            else if (stay)
                await StayAsync(cluster, chapter, cancellationToken);
            return failed ? 1 : 0;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            failed = false;
            screen.Say("Interrupted: the story ends here, and the cluster with it.");
            return 130;
        }
        finally
        {
            if (cluster is not null)
                await cluster.DisposeAsync();
            if (!failed)
                Directory.Delete(directory, recursive: true);
        }
    }

    private async Task BootAsync(SandboxCluster cluster, CancellationToken cancellationToken)
    {
        foreach (var (number, name) in DemoHosts.Nodes.Index())
            cluster.AddNode(name, DemoHosts.Boot(name, seed + number));
        foreach (var node in cluster.Nodes)
            await node.Kubelet.StartAsync(cancellationToken);
    }

    private void Introduce(SandboxCluster cluster)
    {
        screen.Say(
            "The API server, the kernels and the kubelets are simulated, on real sockets; operators and agents are "
                + "the real ones, and your kubectl works:"
        );
        screen.Say($"  export KUBECONFIG={cluster.Kubeconfig}");
        screen.Say("  kubectl get hostdevices,sriovpolicies,mdevprofiles,nodedevicestates");
        screen.Say(
            "Shortened: a lease lasts 3 s, not 15 s; a policy's status is written every 0.5 s at most, not every 10 "
                + "s; the proof that a device is back from a pod takes 0.5 s, not 10 s."
        );
        screen.Say("");
    }

    private async Task StayAsync(SandboxCluster cluster, ClusterChapter chapter, CancellationToken cancellationToken)
    {
        await using var slots = new SlotServer(cluster.Directory, new Slots(() => cluster.Nodes));
        foreach (var line in PlayText.Lines(cluster.Kubeconfig))
            screen.Say(line);
        var shown = "";
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), _time, cancellationToken);
                var now = chapter.Picture;
                screen.Show(() => now);
                var text = PictureText.Of(now, PlainScreen.Width);
                if (text != shown && shown.Length > 0)
                    screen.Print(now);
                shown = text;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            screen.Say("Ended.");
        }
    }
}
