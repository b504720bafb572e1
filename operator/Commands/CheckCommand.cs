using System.CommandLine;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Commands;

/// <summary><c>hostdev-operator check</c>: whether an installation works; <c>helm test</c> runs it.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var kubeconfig = CommandSettings.Kubeconfig();
        var ns = CommandSettings.Namespace();
        var selector = CommandSettings.AgentSelector();
        var timeout = new Option<int>("--timeout")
        {
            Description = "Seconds to wait until everything is there.",
            DefaultValueFactory = _ => 60,
        };
        var command = new Command(
            "check",
            "Say whether what is installed works: the kinds are served, an operator leads, every agent has reported. It only reads."
        )
        {
            kubeconfig,
            ns,
            selector,
            timeout,
        };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var loggers = LogLines.Create(LogLevel.Warning);
                try
                {
                    using var client = CommandSettings.Connect(parsed.GetValue(kubeconfig), loggers);
                    var agents = CommandSettings.Agents(client, parsed.GetValue(ns), parsed.GetValue(selector));
                    var check = new InstallationCheck(client, agents, parsed.InvocationConfiguration.Output.WriteLine, TimeProvider.System);
                    return await check.RunAsync(TimeSpan.FromSeconds(parsed.GetValue(timeout)), cancellationToken).ConfigureAwait(false)
                        ? 0
                        : 1;
                }
                catch (Exception e) when (CommandSettings.IsExpected(e))
                {
                    return await CommandSettings.FailAsync(e, parsed.InvocationConfiguration.Error).ConfigureAwait(false);
                }
            }
        );
        return command;
    }
}
