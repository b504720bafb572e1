using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The lab's machine, simulated.</summary>
internal sealed class SimulatedNode : IScenarioNode
{
    private readonly List<DiskUser> _users = [];

    public SimulatedNode(MachineDescription? machine = null) => Kernel = new SimulatedKernel(machine ?? LabMachine.Description);

    public SimulatedKernel Kernel { get; }

    public AgentMachine Machine => new(Kernel.Paths, Kernel.Calls, Kernel.OpenUevents);

    public double PatienceSeconds => 30;

    public string? TakeAllTheWay(string address)
    {
        var vmm = Kernel.Processes.Start("qemu-system-x86");
        try
        {
            using var device = vmm.Take(address, Kernel.GroupOf(address)!.Value);
            return null;
        }
        catch (InvalidOperationException e)
        {
            return e.Message;
        }
        finally
        {
            vmm.Exit();
        }
    }

    public Task<IScenarioHolder> HoldAsync(string address)
    {
        var vmm = Kernel.Processes.Start("qemu-system-x86");
        vmm.Take(address, Kernel.GroupOf(address)!.Value);
        return Task.FromResult<IScenarioHolder>(new Holder(vmm));
    }

    public IDisposable MountDisk(string address, string mountPoint)
    {
        Assert.Null(TryMount(ScenarioNodes.DiskOf(Machine.Paths, address), mountPoint));
        return new Mounted(Kernel, mountPoint);
    }

    public INetworkUser UseInterface(string address, NetworkUse use) => new SimulatedNetworkUser(Kernel, address, use);
    public DiskUser UseDisk(string address, DiskUse use)
    {
        var user = new SimulatedDiskUses(Kernel).Use(ScenarioNodes.DiskOf(Machine.Paths, address), use);
        _users.Add(user);
        return user;
    }

    public string? TryMount(string disk, string mountPoint) => Kernel.Storage.MountDisk(disk, mountPoint) is { IsSuccess: false } error ? error.Name : null;

    public void LoadDisplayDriver() => Kernel.LoadDriver(LabMachine.DisplayDriver);

    public void Unmount(string mountPoint) => Kernel.Storage.Unmount(mountPoint);

    /// <summary>The whole tree but for network interfaces: one that comes back has a new index and, where no udev names it, another ethN. The class directory of vfio groups is no device.</summary>
    public TreeSnapshot Snapshot()
    {
        var all = TreeSnapshot.Take(Machine.Paths).Entries;
        return new TreeSnapshot(all.RemoveRange(all.Keys.Where(k => k.Contains("/net/", StringComparison.Ordinal) || k == "/sys/devices/virtual/vfio").ToList()));
    }

    public void Dispose()
    {
        foreach (var user in _users) user.Dispose();
        Kernel.Dispose();
    }

    private sealed class Holder(SimulatedProcess process) : IScenarioHolder
    {
        public int ProcessId => process.Pid;

        public void Dispose() => process.Exit();
    }

    private sealed class Mounted(SimulatedKernel kernel, string mountPoint) : IDisposable
    {
        public void Dispose() => kernel.Storage.Unmount(mountPoint);
    }
}
