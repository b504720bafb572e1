using System.CommandLine;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Demo;
using Hostdev.Sandbox.Usb;
using Hostdev.Sandbox.Vfio;

namespace Hostdev.Sandbox;

internal static class Program
{
    /// <summary>For a cluster that ends in order: agents, operators and servers, one after the other.</summary>
    private static readonly TimeSpan s_endInOrder = TimeSpan.FromSeconds(30);

    public static Task<int> Main(string[] args) =>
        new RootCommand("The parts of a machine and a cluster that Hostdev is tried out on")
        {
            VfioCommand.Create(),
            UsbCommand.Create(),
            DemoCommand.Create(),
            NodeCommand.Create(),
            HostCommand.Create(),
            ApiServerCommand.Create(),
        }
            .Parse(args)
            .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = s_endInOrder });
}
