using System.CommandLine;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Kube.Meta;

namespace Hostdev.DevicePlugin;

internal static class Program
{
    /// <summary>
    /// How long an end in order may take before the process is torn off: less than the 30 s after which a kubelet kills a pod.
    /// </summary>
    private static readonly TimeSpan EndInOrder = TimeSpan.FromSeconds(20);

    public static Task<int> Main(string[] args)
    {
        PrintableWriter.TakeConsole();
        return new RootCommand("Hostdev's node agent: passes this host's devices to VM pods.")
        {
            InventoryCommand.Create(),
            RunCommand.Create(),
            PlanCommand.CreatePlan(),
            PlanCommand.CreateExplain(),
        }
            .Parse(args)
            .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = EndInOrder });
    }
}
