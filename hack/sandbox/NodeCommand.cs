using System.CommandLine;
using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.Kernel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Sandbox;

/// <summary>
/// <c>hostdev-sandbox node</c>: the real agent as a process of its own, on the lab's machine simulated. For what only a process can show:
/// signals.
/// </summary>
internal static class NodeCommand
{
    public static Command Create()
    {
        var desired = new Option<string>("--desired") { Description = "The desired state, as the agent's run reads it.", Required = true };
        var status = new Option<string>("--status") { Description = "Where the agent writes its status.", Required = true };
        var state = new Option<string>("--state-dir") { Description = "The agent's journal.", Required = true };
        var kubelet = new Option<string>("--kubelet-dir") { Description = "The kubelet's device plugin directory.", Required = true };
        var command = new Command("node", "Run the agent on the simulated lab machine until it is asked to end.")
        {
            desired,
            status,
            state,
            kubelet,
        };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var kernel = new SimulatedKernel(LabMachine.Description);
                var options = new AgentOptions
                {
                    DesiredFile = parsed.GetValue(desired)!,
                    StatusFile = parsed.GetValue(status),
                    StateDirectory = parsed.GetValue(state)!,
                    KubeletDirectory = parsed.GetValue(kubelet)!,
                    PodResourcesSocket = Path.Combine(parsed.GetValue(kubelet)!, "no-pod-resources.sock"),
                };
                await using var host = AgentHost.Open(
                    new AgentMachine(kernel.Paths, kernel.Calls, kernel.OpenUevents),
                    options,
                    TimeProvider.System,
                    NullLoggerFactory.Instance
                );
                await host.RunAsync(cancellationToken);
                return 0;
            }
        );
        return command;
    }
}
