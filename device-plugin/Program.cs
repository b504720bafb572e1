using System.CommandLine;
using Hostdev.DevicePlugin.Inventory.Rendering;

namespace Hostdev.DevicePlugin;

internal static class Program
{
    public static int Main(string[] args) =>
        new RootCommand("Hostdev's node agent: passes this host's devices to VM pods.") { InventoryCommand.Create() }.Parse(args).Invoke();
}
