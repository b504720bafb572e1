using System.CommandLine;
using Hostdev.Kube.Client;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Commands;

/// <summary>What a command that waits for the cluster was given.</summary>
/// <param name="Agents">The agents' Pods.</param>
/// <param name="Say">Takes a line for the admin.</param>
internal sealed record Wait(KubeClient Client, Selection Agents, TimeSpan Timeout, Action<string> Say);

/// <summary>
/// A command that waits until something is so in the cluster: exit code 0 when it came to be, 1 when it did not, with a sentence on the
/// error output where the API server's answer, or whoever stopped it (Ctrl-C, SIGTERM), is why.
/// </summary>
internal static class WaitingCommand
{
    /// <param name="until">What is waited for, after "until".</param>
    /// <param name="seconds">How long by default.</param>
    /// <param name="stopped">What is so when it is stopped before that, and what to do then.</param>
    /// <param name="wait">Whether it came to be.</param>
    /// <param name="others">The command's own options.</param>
    public static Command Create(
        string name,
        string description,
        string until,
        int seconds,
        string stopped,
        Func<Wait, ParseResult, CancellationToken, Task<bool>> wait,
        params ReadOnlySpan<Option> others
    )
    {
        var kubeconfig = CommandSettings.Kubeconfig();
        var ns = CommandSettings.Namespace();
        var selector = CommandSettings.AgentSelector();
        var timeout = new Option<int>("--timeout") { Description = $"Seconds to wait until {until}.", DefaultValueFactory = _ => seconds };
        var command = new Command(name, description) { kubeconfig, ns, selector, timeout };
        foreach (var other in others)
            command.Add(other);
        command.SetAction(
            (parsed, cancellationToken) =>
                CommandSettings.RunAsync(
                    parsed.InvocationConfiguration.Error,
                    stopped,
                    () => AskAsync(parsed, cancellationToken),
                    cancellationToken
                )
        );
        return command;

        async Task<int> AskAsync(ParseResult parsed, CancellationToken cancellationToken)
        {
            using var loggers = LogLines.Create(LogLevel.Warning);
            using var client = CommandSettings.Connect(parsed.GetValue(kubeconfig), loggers);
            var agents = CommandSettings.Agents(client, parsed.GetValue(ns), parsed.GetValue(selector));
            var patience = TimeSpan.FromSeconds(parsed.GetValue(timeout));
            var given = new Wait(client, agents, patience, parsed.InvocationConfiguration.Output.WriteLine);
            return await wait(given, parsed, cancellationToken).ConfigureAwait(false) ? 0 : 1;
        }
    }
}
