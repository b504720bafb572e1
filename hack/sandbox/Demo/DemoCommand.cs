using System.CommandLine;
using Spectre.Console;

namespace Hostdev.Sandbox.Demo;

/// <summary><c>hostdev-sandbox demo</c>: what hack/demo runs.</summary>
public static class DemoCommand
{
    /// <summary>How long a promise may take: machines are slow and busy.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static Command Create()
    {
        var exit = new Option<bool>("--exit") { Description = "End after the story: exit code 0 only if every step came true" };
        var plain = new Option<bool>("--no-color") { Description = "No colours; also with NO_COLOR in the environment" };
        var seed = new Option<int>("--seed")
        {
            Description = "Chooses the write after which the agent is killed, and the boot's id",
            DefaultValueFactory = _ => 1,
        };
        var node = new Option<bool>("--node") { Description = "The story of one machine without a cluster, whose agent follows a file" };
        var play = new Option<bool>("--play")
        {
            Description = "No story: operators and agents start, and the cluster is there to play with",
        };
        var command = new Command("demo", "A cluster's story: real operators and agents on a simulated API server, kernels and kubelets")
        {
            exit,
            plain,
            seed,
            node,
            play,
            SlotCommand.Create("unplug", "Pull a card, or a USB device, out of a machine of the demo that runs"),
            SlotCommand.Create("plug", "Put it back"),
        };
        command.SetAction(
            (parsed, cancellationToken) =>
            {
                var (onNode, seeded, beginsOnly) = (parsed.GetValue(node), parsed.GetValue(seed), parsed.GetValue(play));
                var stays = !parsed.GetValue(exit);
                Task<int> Tell(IStoryScreen screen) =>
                    onNode
                        ? new NodeRun(screen, seeded, s_patience).RunAsync(stays, cancellationToken)
                        : new ClusterRun(screen, seeded, s_patience) { BeginsOnly = beginsOnly }.RunAsync(stays, cancellationToken);
                return RunAsync(Tell, parsed.GetValue(plain));
            }
        );
        return command;
    }

    private static Task<int> RunAsync(Func<IStoryScreen, Task<int>> tell, bool plain)
    {
        if (Console.IsOutputRedirected)
            return tell(new PlainScreen(Console.Out));
        var colours =
            plain || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
                ? ColorSystemSupport.NoColors
                : ColorSystemSupport.Detect;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { ColorSystem = colours });
        var screen = new LiveScreen(console, TimeProvider.System);
        return screen.RunAsync(() => tell(screen));
    }
}
