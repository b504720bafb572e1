using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The lab's machine, simulated.</summary>
internal sealed class SimulatedNode : IScenarioNode
{
    private readonly List<DiskUser> _users = [];
    private readonly Dictionary<UsbThing, int> _sockets = new() { [UsbThing.Stick] = 1, [UsbThing.Keyboard] = 2 };

    private readonly SimulatedKernel _kernel;

    public SimulatedNode(MachineDescription? machine = null) => _kernel = new SimulatedKernel(machine ?? LabMachine.Description);

    /// <summary>Whoever asks for it may do anything to it, at any time later.</summary>
    public SimulatedKernel Kernel
    {
        get
        {
            IsInOtherHands = true;
            return _kernel;
        }
    }

    /// <summary>How often something else than the agent had to do with the machine.</summary>
    public int Touches { get; private set; }

    public bool IsInOtherHands { get; private set; }

    /// <summary>Every write so far.</summary>
    public ImmutableArray<LoggedWrite> WritesSeen => _kernel.Writes.All;

    /// <summary>Something else than the agent has to do with the machine from now on.</summary>
    private SimulatedKernel Touched()
    {
        Touches++;
        return _kernel;
    }

    public AgentMachine Machine => new(_kernel.Paths, _kernel.Calls, _kernel.OpenUevents);

    public double PatienceSeconds => 30;

    /// <summary>A second vfio driver, for <see cref="SimulatedKernel.LoadDriver"/>: one that binds by override alone.</summary>
    public PciDriverDescription VariantDriver { get; } =
        LabMachine.Description.Drivers.Single(d => d.Name == "vfio-pci") with
        {
            Name = "lab-vfio-pci",
        };

    public string? TakeAllTheWay(string address)
    {
        var vmm = Touched().Processes.Start("qemu-system-x86");
        try
        {
            using var device = vmm.Take(address, ScenarioNodes.GroupOf(Machine.Paths, address));
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
        var vmm = Touched().Processes.Start("qemu-system-x86");
        vmm.Take(address, ScenarioNodes.GroupOf(Machine.Paths, address));
        return Task.FromResult<IScenarioHolder>(new Holder(vmm));
    }

    public Task<IScenarioHolder> OpenCdevAsync(string address)
    {
        var vmm = Touched().Processes.Start("qemu-system-x86");
        var name = Path.GetFileName(Directory.GetDirectories(_kernel.Paths.Resolve($"/sys/bus/pci/devices/{address}/vfio-dev")).Single());
        Assert.Equal("success", vmm.OpenCdev(name).Error.Name);
        return Task.FromResult<IScenarioHolder>(new Holder(vmm));
    }

    public IReadOnlyList<string> WritesUnderWay() => Touched().BlockedWrites;

    public IDisposable EverySecond(params (string Path, string Value)[] writes) => new SecondWriter(Touched(), writes);

    public void Write(params (string Path, string Value)[] writes)
    {
        foreach (var (path, value) in writes)
            Touched().Calls.WriteAttribute(path, value);
    }

    public void SetVf(string physicalFunction, string setting, string value) =>
        Assert.Equal(Errno.None, Touched().Calls.SetVf(physicalFunction, setting, value));

    public void UnloadDriver(string name) => Touched().UnloadDriver(name);

    public void LoadDriver(string name) =>
        Touched().LoadDriver(LabMachine.Description.Drivers.Append(LabMachine.VgpuStandIn).Single(d => d.Name == name));

    public void Reboot(string stateDirectory) => Touched().Reboot();

    public IDisposable Mount(string disk, string mountPoint)
    {
        Assert.Null(TryMount(disk, mountPoint));
        return new Mounted(Touched(), mountPoint);
    }

    public INetworkUser UseInterface(string address, NetworkUse use) => new SimulatedNetworkUser(Touched(), address, use);

    public void RenameInterface(string address, string name) =>
        Touched().Network.Rename(ScenarioNodes.InterfaceOf(Machine.Paths, address), name);

    public void AddAlternativeName(string address, string name) =>
        Touched().Network.AddAlternativeName(ScenarioNodes.InterfaceOf(Machine.Paths, address), name);

    public DiskUser UseDisk(string address, DiskUse use)
    {
        var user =
            use == DiskUse.ScsiTarget
                ? SimulatedDiskUses.ExportScsi(Touched(), address, ScenarioNodes.GenericNodeOf(Machine.Paths, address))
                : new SimulatedDiskUses(Touched()).Use(ScenarioNodes.DiskOf(Machine.Paths, address), use);
        _users.Add(user);
        return user;
    }

    public void PlugPath(int path, int target)
    {
        var disk = new ScsiUnitDescription(target, 0, "QEMU", "QEMU HARDDISK", ScenarioNodes.PathsSerial)
        {
            Wwid = ScenarioNodes.PathsWwid,
        };
        var (adapter, units) =
            path == 0
                ? (LabMachine.ScsiAdapter, LabMachine.ScsiUnits)
                : (LabMachine.SecondScsiAdapter, ImmutableArray<ScsiUnitDescription>.Empty);
        Touched().CableScsi(adapter, [.. units, disk]);
        Write(($"/sys/class/scsi_host/{ScenarioNodes.ScsiHostOf(Machine.Paths, adapter)}/scan", "- - -"));
    }

    public DiskUser OpenNode(string node)
    {
        var process = Touched().Processes.Start("sh");
        process.OpenPlain(node);
        return new DiskUser($"{node} is open in process {process.Pid} (sh)", process.Exit);
    }

    public string? TryMount(string disk, string mountPoint) =>
        Touched().Storage.MountDisk(disk, mountPoint) is { IsSuccess: false } error ? error.Name : null;

    public void LoadDisplayDriver() => Touched().LoadDriver(LabMachine.DisplayDriver);

    public Task UnplugAsync(UsbThing thing)
    {
        Touched().UnplugUsb(SocketOf(_sockets[thing]));
        _sockets.Remove(thing);
        return Task.CompletedTask;
    }

    public Task PlugAsync(UsbThing thing, int port)
    {
        _sockets[thing] = port;
        Touched().PlugUsb(SocketOf(port), thing == UsbThing.Stick ? LabMachine.UsbStick : LabMachine.UsbKeyboard);
        return Task.CompletedTask;
    }

    public Task<IScenarioHolder> HoldUsbAsync(string node)
    {
        var vmm = Touched().Processes.Start("qemu-system-x86");
        vmm.OpenPlain(node);
        var path = new DirectoryInfo(_kernel.Paths.Resolve($"/sys/dev/char/{Touched().Calls.Look(node).Device}")).LinkTarget!;
        Touched().DetachUsbInterface($"{Path.GetFileName(path)}:1.0");
        return Task.FromResult<IScenarioHolder>(new Holder(vmm));
    }

    public void LoadUsbDriver(string name) => Touched().LoadUsbDriver(name);

    public IDisposable OpenTerminal(int number)
    {
        var node = string.Create(CultureInfo.InvariantCulture, $"/dev/tty{number}");
        Touched().Core.Locked(() => Touched().Core.AddNode(node, new DeviceNumber(false, 4, (uint)number), null, 0x190));
        var getty = Touched().Processes.Start("agetty");
        getty.OpenPlain(node);
        return new Holder(getty);
    }

    private static string SocketOf(int port) => string.Create(CultureInfo.InvariantCulture, $"0000:01:00.0/{port}");

    public void Unmount(string mountPoint) => Touched().Storage.Unmount(mountPoint);

    /// <summary>
    /// The whole tree but for network interfaces: one that comes back has a new index and, where no udev names it, another ethN. The class
    /// directory of vfio groups is no device.
    /// </summary>
    public TreeSnapshot Snapshot()
    {
        var all = TreeSnapshot.Take(Machine.Paths).Entries;
        return new TreeSnapshot(
            all.RemoveRange(all.Keys.Where(k => k.Contains("/net/", StringComparison.Ordinal) || k == "/sys/devices/virtual/vfio").ToList())
        );
    }

    public void Dispose()
    {
        foreach (var user in _users)
            user.Dispose();
        _kernel.Dispose();
    }

    private sealed class Holder(SimulatedProcess process) : IScenarioHolder
    {
        public int ProcessId => process.Pid;

        public int Requests => process.Requests;

        public void Dispose() => process.Exit();
    }

    private sealed class SecondWriter : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;

        public SecondWriter(SimulatedKernel kernel, (string Path, string Value)[] writes) =>
            _running = Task.Factory.StartNew(
                () =>
                {
                    do
                    {
                        foreach (var (path, value) in writes)
                            kernel.Calls.WriteAttribute(path, value);
                    } while (!_stop.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1)));
                },
                TaskCreationOptions.LongRunning
            );

        public void Dispose()
        {
            _stop.Cancel();
            _running.Wait();
            _stop.Dispose();
        }
    }

    private sealed class Mounted(SimulatedKernel kernel, string mountPoint) : IDisposable
    {
        public void Dispose() => kernel.Storage.Unmount(mountPoint);
    }
}
