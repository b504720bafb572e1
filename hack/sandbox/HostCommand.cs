using System.CommandLine;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Sandbox.Demo;

namespace Hostdev.Sandbox;

/// <summary>
/// <c>hostdev-sandbox host MACHINE -- ARGUMENTS</c>: <c>inventory</c>, <c>plan</c> and <c>explain</c> of hostdev-device-plugin, on a
/// simulated machine that has just booted. What is said of a host in pages is said of one of these.
/// </summary>
internal static class HostCommand
{
    private const string StateOption = "--state-dir";

    public static Command Create()
    {
        var machine = new Argument<string>("machine") { Description = "One of " + string.Join(", ", DemoHosts.Names) };
        machine.AcceptOnlyFromAmong([.. DemoHosts.Names]);
        var arguments = new Argument<string[]>("arguments") { Description = "After --: those of hostdev-device-plugin" };
        var command = new Command("host", "What hostdev-device-plugin says of a simulated machine: inventory, plan, explain")
        {
            machine,
            arguments,
        };
        command.SetAction(parsed =>
        {
            using var kernel = DemoHosts.Boot(parsed.GetValue(machine)!, seed: 1);
            var simulated = new AgentMachine(kernel.Paths, kernel.Calls, kernel.OpenUevents);
            string[] said = parsed.GetValue(arguments)!;
            if (!said.Contains(StateOption))
                said = [.. said, StateOption, kernel.Paths.Resolve(AgentOptions.DefaultStateDirectory)];
            return new RootCommand
            {
                InventoryCommand.Create(simulated),
                PlanCommand.CreatePlan(simulated),
                PlanCommand.CreateExplain(simulated),
            }
                .Parse(said)
                .Invoke();
        });
        return command;
    }
}
