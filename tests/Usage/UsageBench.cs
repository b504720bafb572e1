using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Usage;

/// <summary>A simulated machine, and who uses what there, in words.</summary>
internal sealed class UsageBench(MachineDescription machine) : IDisposable
{
    public SimulatedKernel Kernel { get; } = new(machine);

    public void Dispose() => Kernel.Dispose();

    public ImmutableArray<DeviceUser> Users(string address) => Reader().Read(Inventory()).UsersOf(PciAddress.Parse(address));

    public IEnumerable<string> Words(string address) => Users(address).Select(u => u.Description);

    public FreedomProof Prove(string address, IHostCalls? calls = null, params ImmutableArray<UserKind> overridden) =>
        new UsageReader(Kernel.Paths, calls ?? Kernel.Calls, new NoPods()).Prove(Inventory(), [PciAddress.Parse(address)], overridden);

    /// <summary>What these policies ask for, on this machine as it is used now.</summary>
    public PlanningInput Input(params ReadOnlySpan<EffectivePolicy> policies)
    {
        var inventory = Inventory();
        return new PlanningInput
        {
            Inventory = inventory,
            Policies = [.. policies],
            Usage = Reader().Read(inventory),
            Ownership = Ownership.None,
        };
    }

    public string InterfaceOf(string address) => Scenarios.ScenarioNodes.InterfaceOf(Kernel.Paths, address);

    /// <summary>A device's own directory below <c>/sys/devices</c>.</summary>
    public string Path(string link) => new HostFileReader(Kernel.Paths).ResolveLink(link)!;

    public void Write(string path, string text)
    {
        var real = Kernel.Paths.Resolve(path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(real)!);
        File.WriteAllText(real, text);
    }

    public void Delete(string path) => Kernel.Core.Tree.Remove(path);

    public void Link(string path, string target) => Kernel.Core.Tree.WriteLink(path, target);

    public void Bind(string address, string driver)
    {
        Kernel.Calls.WriteAttribute($"/sys/bus/pci/devices/{address}/driver_override", driver);
        if (Kernel.DriverOf(address) is { } now)
            Kernel.Calls.WriteAttribute($"/sys/bus/pci/drivers/{now}/unbind", address);
        Kernel.Calls.WriteAttribute("/sys/bus/pci/drivers_probe", address);
    }

    private UsageReader Reader() => new(Kernel.Paths, Kernel.Calls, new NoPods());

    private HostInventory Inventory() => new InventoryReader(Kernel.Paths, TimeProvider.System).Read();

    private sealed class NoPods : IPodUsage
    {
        public ImmutableArray<DeviceUser> UsersOf(DeviceId device) => [];
    }
}
