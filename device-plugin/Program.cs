using System.CommandLine;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Inventory.Rendering;

namespace Hostdev.DevicePlugin;

internal static class Program
{
    public static Task<int> Main(string[] args) =>
        new RootCommand("Hostdev's node agent: passes this host's devices to VM pods.") { InventoryCommand.Create(), RunCommand.Create(), PlanCommand.CreatePlan(), PlanCommand.CreateExplain() }.Parse(args).InvokeAsync();
}
