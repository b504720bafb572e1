using System.Collections.Immutable;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Sandbox.Demo;

/// <summary>Machines by name: those of the demo's cluster as it boots them, and others that pages tell of.</summary>
internal static class DemoHosts
{
    /// <summary>Of the cluster, in the order in which they are made.</summary>
    public static ImmutableArray<string> Nodes { get; } = ["gpu-1", "mixed-1", "net-1"];

    /// <summary>All of them; <c>node1</c> is the lab's.</summary>
    public static ImmutableArray<string> Names { get; } = [.. Nodes, "workstation-1", "node1"];

    /// <param name="seed">The boot's id.</param>
    /// <exception cref="ArgumentException">None has that name.</exception>
    public static SimulatedKernel Boot(string name, int seed) =>
        name switch
        {
            "gpu-1" => DemoMachine.BootBare(DemoMachines.GpuNode, seed),
            "mixed-1" => DemoMachine.Boot(DemoMachine.WithTapeLibrary(DemoMachine.Description), seed),
            "net-1" => DemoMachine.BootBare(DemoMachine.WithVgpuCards(DemoMachines.SriovNode), seed),
            "workstation-1" => Mounted(DemoMachine.BootBare(DemoMachines.Workstation, seed)),
            "node1" => new SimulatedKernel(LabMachine.Description, seed: seed),
            _ => throw new ArgumentException($"there is no machine {name}: name one of {string.Join(", ", Names)}", nameof(name)),
        };

    private static SimulatedKernel Mounted(SimulatedKernel kernel)
    {
        kernel.Storage.MountDisk(kernel.Storage.AddPartition("nvme0n1", 2), "/");
        return kernel;
    }
}
