using System.CommandLine;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Commands;

/// <summary><c>hostdev-operator give-back</c>: before uninstalling, every host gets back what was taken from it.</summary>
internal static class GiveBackCommand
{
    public static Command Create()
    {
        var kubeconfig = CommandSettings.Kubeconfig();
        var ns = CommandSettings.Namespace();
        var selector = CommandSettings.AgentSelector();
        var timeout = new Option<int>("--timeout")
        {
            Description = "Seconds to wait until everything is given back.",
            DefaultValueFactory = _ => 300,
        };
        var undo = new Option<bool>("--undo") { Description = "Nodes get their policies again." };
        var command = new Command(
            "give-back",
            "Let all nodes give everything back, whatever the policies say, and wait for it. VMs keep what they have until they end."
        )
        {
            kubeconfig,
            ns,
            selector,
            timeout,
            undo,
        };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var loggers = LogLines.Create(LogLevel.Warning);
                try
                {
                    using var client = CommandSettings.Connect(parsed.GetValue(kubeconfig), loggers);
                    var agents = CommandSettings.Agents(client, parsed.GetValue(ns), parsed.GetValue(selector));
                    var giveBack = new GiveBack(client, agents, parsed.InvocationConfiguration.Output.WriteLine, TimeProvider.System);
                    if (parsed.GetValue(undo))
                        await giveBack.UndoAsync(cancellationToken).ConfigureAwait(false);
                    else
                        return await giveBack
                            .RunAsync(TimeSpan.FromSeconds(parsed.GetValue(timeout)), cancellationToken)
                            .ConfigureAwait(false)
                            ? 0
                            : 1;
                    return 0;
                }
                catch (Exception e) when (CommandSettings.IsExpected(e))
                {
                    return await CommandSettings.FailAsync(e, parsed.InvocationConfiguration.Error).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    const string stopped = "stopped: the nodes go on giving back; run it again to wait for them, or with --undo";
                    return await CommandSettings.FailAsync(stopped, parsed.InvocationConfiguration.Error).ConfigureAwait(false);
                }
            }
        );
        return command;
    }
}
