using System.CommandLine;

namespace Hostdev.Operator.Commands;

/// <summary><c>hostdev-operator check</c>: whether an installation works; <c>helm test</c> runs it.</summary>
internal static class CheckCommand
{
    public static Command Create() =>
        WaitingCommand.Create(
            "check",
            "Say whether what is installed works: the kinds are served, an operator leads, every agent has reported. It only reads.",
            until: "everything is there",
            seconds: 60,
            stopped: "whether everything is there is not known yet; run it again",
            (given, _, cancellationToken) =>
                new InstallationCheck(given.Client, given.Agents, given.Say, TimeProvider.System).RunAsync(given.Timeout, cancellationToken)
        );
}
