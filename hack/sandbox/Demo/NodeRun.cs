using Hostdev.Sandbox.Kernel;

namespace Hostdev.Sandbox.Demo;

/// <summary>One run of the single machine's demo: the story, then, where it is wanted, the node as it is until somebody ends it.</summary>
internal sealed class NodeRun(IStoryScreen screen, int seed, TimeSpan patience)
{
    private static readonly TimeSpan s_goodbye = TimeSpan.FromMilliseconds(800);

    private readonly TimeProvider _time = TimeProvider.System;

    /// <summary>Done to the machine before the story begins: for tests that break a promise.</summary>
    public Action<SimulatedKernel>? Sabotage { get; init; }

    /// <summary>Where the node's files are kept after a story that did not come true; null when they are not.</summary>
    public string? Kept { get; private set; }

    /// <param name="stay">Whether the node runs on after the story, until it is cancelled.</param>
    /// <returns>0 when every step came true, 1 when one did not, 130 when the story was interrupted.</returns>
    public async Task<int> RunAsync(bool stay, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var node = new DemoNode(seed);
        var failed = true;
        try
        {
            var beginning = TreeSnapshot.Take(node.Kernel.Paths);
            Sabotage?.Invoke(node.Kernel);
            await node.Kubelet.StartAsync(cancellationToken);
            Introduce(node);
            var problem = await new Story<NodeChapter>(
                new NodeChapter(node, screen, patience, _time, cancellationToken),
                screen,
                _time
            ).TellAsync(new NodeStory(beginning, seed).Steps);
            failed = problem is not null;
            screen.Say(
                problem is null ? $"Every step came true, in {StoryText.Duration(_time.GetElapsedTime(began))}." : $"demo: {problem}"
            );
            if (failed)
                Kept = node.Directory;
            if (failed)
                screen.Say($"The agent's log and status are kept in {node.Directory}");
            else if (stay)
                await StayAsync(node, beginning, cancellationToken);
            return failed ? 1 : 0;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            failed = false;
            screen.Say("Interrupted: the story ends here, and the simulated node with it.");
            return 130;
        }
        finally
        {
            await node.DisposeAsync();
            if (!failed)
                Directory.Delete(node.Directory, recursive: true);
        }
    }

    private void Introduce(DemoNode node)
    {
        screen.Say(
            $"The kernel ({DemoMachine.Description.KernelRelease}) and the kubelet are simulated, on files and real "
                + "sockets; the agent is the real one."
        );
        screen.Say(
            "Shortened: the proof that a device is back from a pod takes 0.5 s, not 10 s (3.5 s, not 70 s, where the "
                + "kubelet never showed the pod); pods are read every 0.3 s, not every 10 s."
        );
        screen.Say($"Every step is checked on the machine and in the kubelet, not by the agent's word. Files: {node.Directory}");
        screen.Say("");
    }

    private async Task StayAsync(DemoNode node, TreeSnapshot beginning, CancellationToken cancellationToken)
    {
        var example = Path.Combine(node.Directory, "example.yaml");
        await File.WriteAllTextAsync(example, NodeStory.Everything(5), cancellationToken);
        screen.Say("The node runs on. Edit the desired state and it follows; Ctrl-C gives it back and ends.");
        screen.Say($"  desired  {node.DesiredFile}");
        screen.Say($"  status   {node.StatusFile}");
        screen.Say($"  log      {node.LogFile}");
        screen.Say($"  try      cp {example} {node.DesiredFile}");
        var watch = new NodeChapter(node, screen, Timeout.InfiniteTimeSpan, _time, cancellationToken);
        var shown = "";
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, cancellationToken);
                var now = watch.Reading;
                screen.Show(() => now);
                var signature = string.Join(
                    '\n',
                    now.Devices.Select(d => d.ToString())
                        .Concat(now.Mdevs.Select(m => m.ToString()))
                        .Concat(now.Resources.Select(r => $"{r.Name} {r.Allocatable}"))
                        .Concat(now.Problems.Select(p => p.Message))
                );
                if (signature != shown && shown.Length > 0)
                    screen.Print(now);
                shown = signature;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await GiveBackAsync(node, beginning);
        }
    }

    private async Task GiveBackAsync(DemoNode node, TreeSnapshot beginning)
    {
        var began = _time.GetTimestamp();
        node.Desire(DemoPolicies.Nothing);
        var left = 1;
        while (
            _time.GetElapsedTime(began) < s_goodbye
            && (left = TreeSnapshot.Diff(beginning, TreeSnapshot.Take(node.Kernel.Paths)).Length) > 0
        )
            await Task.Delay(TimeSpan.FromMilliseconds(20), _time);
        screen.Say(
            left == 0 ? $"Given back in {StoryText.Duration(_time.GetElapsedTime(began))}." : "Ended before everything was given back."
        );
    }
}
