using System.Diagnostics;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Vfio;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The node of <c>hack/lab</c>: a real kernel. Refuses to exist anywhere else.</summary>
internal sealed class RealNode : IScenarioNode
{
    private const string Mdevs = "/sys/bus/mdev/devices";
    private readonly List<DiskUser> _users = [];
    private readonly Stack<string> _usbDrivers = new();
    private readonly Dictionary<UsbThing, int> _sockets = new() { [UsbThing.Stick] = 1, [UsbThing.Keyboard] = 2 };

    public RealNode() =>
        Assert.True(LabFacts.InNode, "this test changes the host's drivers and runs only in the lab's node: hack/lab test");

    private readonly Stack<RealNetworkUser> _networkUsers = new();

    private readonly Stack<(string Address, string Name)> _renamed = new();

    private readonly Stack<int> _paths = new();

    private readonly Stack<(string Address, string Name)> _alternatives = new();

    public AgentMachine Machine { get; } = Real();

    public double PatienceSeconds => 240;

    public string? TakeAllTheWay(string address)
    {
        var group = string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{ScenarioNodes.GroupOf(Machine.Paths, address)}");
        return Failure(VfioTaker.TakeGroup(group, address))
            ?? (LabFacts.HasCdev && PciAddress.TryParse(address, out var pci) ? Failure(VfioTaker.TakeCdev(Sysfs.CdevPath(pci))) : null);
    }

    public async Task<IScenarioHolder> HoldAsync(string address) =>
        new Holder(
            await VfioHolder.HoldGroupAsync(
                ScenarioNodes.GroupOf(Machine.Paths, address).ToString(CultureInfo.InvariantCulture),
                address,
                TestContext.Current.CancellationToken
            )
        );

    public async Task<IScenarioHolder> OpenCdevAsync(string address) =>
        new Holder(await VfioHolder.HoldUnboundCdevAsync(Sysfs.CdevPath(PciAddress.Parse(address)), TestContext.Current.CancellationToken));

    public IReadOnlyList<string> WritesUnderWay() => SysfsWrites.UnderWay(Environment.ProcessId);

    public IDisposable EverySecond(params (string Path, string Value)[] writes)
    {
        var loop = $"while :; do {Shell(writes)} sleep 1; done";
        return new SecondWriter(Process.Start(new ProcessStartInfo("bash", ["-c", loop]) { UseShellExecute = false })!);
    }

    public void Write(params (string Path, string Value)[] writes) => Command.Run("bash", "-c", $"{Shell(writes)} true");

    public void SetVf(string physicalFunction, string setting, string value)
    {
        string[] words = [.. setting.Split(' ').Where(w => w != "rate"), .. value.Split(' ')]; // the rates are named in their values
        Command.Run("ip", ["link", "set", ScenarioNodes.InterfaceOf(Machine.Paths, physicalFunction), .. words]);
    }

    public void UnloadDriver(string name) => Command.Run("modprobe", "-r", name);

    public void LoadDriver(string name) => Command.Run("modprobe", name);

    /// <summary>
    /// The node cannot boot again: what a boot undoes is undone by hand, and the records get the id of a boot that was before.
    /// </summary>
    public void Reboot(string stateDirectory)
    {
        CleanUp();
        var now = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        foreach (var file in Directory.GetFiles(stateDirectory))
        {
            var text = File.ReadAllText(file);
            if (text.Contains(now, StringComparison.Ordinal))
                File.WriteAllText(file, text.Replace(now, Guid.NewGuid().ToString(), StringComparison.Ordinal));
        }
    }

    public IDisposable Mount(string disk, string mountPoint)
    {
        RealDiskUses.MakeFileSystem($"/dev/{disk}");
        Assert.Null(TryMount(disk, mountPoint));
        return new Mounted(mountPoint);
    }

    public INetworkUser UseInterface(string address, NetworkUse use)
    {
        var user = new RealNetworkUser(address, use);
        _networkUsers.Push(user);
        return user;
    }

    public DiskUser UseDisk(string address, DiskUse use)
    {
        var user =
            use == DiskUse.ScsiTarget
                ? RealDiskUses.ExportScsi(address, ScenarioNodes.GenericNodeOf(Machine.Paths, address))
                : RealDiskUses.Use(ScenarioNodes.DiskOf(Machine.Paths, address), use);
        _users.Add(user);
        return user;
    }

    public void PlugPath(int path, int target)
    {
        var bus = path == 0 ? "scsi" : "scsi2";
        NodeMonitor.Run(
            $"device_add scsi-hd,id=path{path},bus={bus}.0,scsi-id={target},drive=path{path},share-rw=on,"
                + $"serial={ScenarioNodes.PathsSerial},wwn=0x{ScenarioNodes.PathsWwid["naa.".Length..]}"
        );
        _paths.Push(path);
        var host = ScenarioNodes.ScsiHostOf(Machine.Paths, path == 0 ? LabMachine.ScsiAdapter : LabMachine.SecondScsiAdapter);
        var node = $"{ScenarioNodes.ScsiDevices}{host["host".Length..]}:0:{target}:0/scsi_generic";
        Assert.True(SpinWait.SpinUntil(() => Directory.Exists(node), TimeSpan.FromSeconds(60)), $"{node} did not come");
    }

    public DiskUser OpenNode(string node)
    {
        var process = Command.Hold($"exec 7<{node}");
        var user = new DiskUser($"{node} is open in process {process.ProcessId} (sh)", process.Dispose);
        _users.Add(user);
        return user;
    }

    public void RenameInterface(string address, string name)
    {
        var now = ScenarioNodes.InterfaceOf(Machine.Paths, address);
        _renamed.Push((address, now));
        Command.Run("ip", "link", "set", "dev", now, "name", name);
    }

    public void AddAlternativeName(string address, string name)
    {
        var now = ScenarioNodes.InterfaceOf(Machine.Paths, address);
        Command.Run("ip", "link", "property", "add", "dev", now, "altname", name);
        _alternatives.Push((address, name));
    }

    public string? TryMount(string disk, string mountPoint)
    {
        Directory.CreateDirectory(mountPoint);
        return Command.Try("mount", $"/dev/{disk}", mountPoint);
    }

    public void LoadDisplayDriver() => Command.Run("modprobe", "bochs");

    public void Unmount(string mountPoint) => Command.Run("umount", mountPoint);

    public async Task UnplugAsync(UsbThing thing)
    {
        NodeMonitor.Run($"device_del {IdOf(thing)}");
        _sockets.Remove(thing);
        await Waiting.UntilAsync(() => !IsThere(thing), PatienceSeconds);
    }

    public async Task PlugAsync(UsbThing thing, int port)
    {
        var what = thing == UsbThing.Stick ? "usb-storage,id=stick,drive=usb0,serial=LABUSB0" : "usb-kbd,id=keyboard";
        var add = string.Create(CultureInfo.InvariantCulture, $"device_add {what},bus=xhci.0,port={port}");
        // QEMU lets go of what was pulled a while after the guest has seen it go.
        var refused = "";
        await Waiting.UntilAsync(() => (refused = NodeMonitor.Try(add)) is null, 10, () => refused ?? "");
        _sockets[thing] = port;
        await Waiting.UntilAsync(() => IsThere(thing), PatienceSeconds);
    }

    public async Task<IScenarioHolder> HoldUsbAsync(string node) =>
        new Holder(await VfioHolder.HoldUsbAsync(node, TestContext.Current.CancellationToken));

    public void LoadUsbDriver(string name)
    {
        Command.Run("modprobe", name);
        _usbDrivers.Push(name);
    }

    public IDisposable OpenTerminal(int number) => Command.Hold(string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/tty{number}"));

    private static string IdOf(UsbThing thing) => thing == UsbThing.Stick ? "stick" : "keyboard";

    private static bool IsThere(UsbThing thing)
    {
        var vendor = thing == UsbThing.Stick ? "46f4" : "0627";
        return Directory.GetFileSystemEntries("/sys/bus/usb/devices").Any(d => VendorOf(d) == vendor);
    }

    /// <summary>Null for an interface, and for what goes this moment.</summary>
    private static string? VendorOf(string device)
    {
        try
        {
            return File.ReadAllText(device + "/idVendor").Trim();
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>As it was when the node booted.</summary>
    private async Task PlugAsBeforeAsync()
    {
        foreach (var (thing, port) in ((UsbThing, int)[])[(UsbThing.Stick, 1), (UsbThing.Keyboard, 2)])
        {
            if (_sockets.GetValueOrDefault(thing) is not 0 and var now && now != port)
                await UnplugAsync(thing);
        }

        foreach (var (thing, port) in ((UsbThing, int)[])[(UsbThing.Stick, 1), (UsbThing.Keyboard, 2)])
        {
            if (!_sockets.ContainsKey(thing))
                await PlugAsync(thing, port);
        }
    }

    public TreeSnapshot Snapshot() => TreeSnapshot.TakeHostState(Machine.Paths);

    /// <summary>Whatever a scenario left behind, the next one finds the node as it booted.</summary>
    public void Dispose()
    {
        foreach (var user in _users)
            user.Dispose();
        foreach (var user in _networkUsers)
            user.Dispose();
        while (_paths.TryPop(out var path))
            NodeMonitor.Run($"device_del path{path}");
        foreach (var (address, name) in _alternatives)
            Command.Run("ip", "link", "property", "del", "dev", ScenarioNodes.InterfaceOf(Machine.Paths, address), "altname", name);
        foreach (var (address, name) in _renamed)
            Command.Run("ip", "link", "set", "dev", ScenarioNodes.InterfaceOf(Machine.Paths, address), "name", name);
        foreach (var driver in _usbDrivers)
            Command.Run("modprobe", "-r", driver);
        Task.Run(PlugAsBeforeAsync).GetAwaiter().GetResult();
        // A write that blocks because a scenario leaked a descriptor must not hang the whole suite: it fails this one.
        var cleaning = Task.Run(CleanUp);
        Assert.True(
            cleaning.Wait(TimeSpan.FromSeconds(60)),
            "the node cannot be cleaned up: a write blocks, so somebody still holds a device"
        );
    }

    private static void CleanUp()
    {
        foreach (var pf in (string[])["0000:41:00.0", "0000:44:00.0", "0000:81:00.0"])
        {
            Sysfs.Write(PciAddress.Parse(pf), "sriov_numvfs", "0");
            Sysfs.Write(PciAddress.Parse(pf), "sriov_drivers_autoprobe", "1");
        }

        Command.Run("sh", "-c", "chown 0:0 /dev/s[dg]*; chmod 600 /dev/s[dg]*");
        foreach (var mdev in Directory.Exists(Mdevs) ? Directory.GetDirectories(Mdevs) : [])
            Sysfs.Write(Path.Combine(mdev, "remove"), "1");
        foreach (var device in Directory.GetDirectories(Sysfs.Devices).Select(Path.GetFileName).Select(n => PciAddress.Parse(n!)))
        {
            if (Sysfs.Driver(device) is "vfio-pci" or "pci-stub")
                Sysfs.Unbind(device);
        }

        if (!Directory.Exists("/sys/bus/serio/drivers/atkbd/serio0"))
            Sysfs.Write("/sys/bus/serio/devices/serio0/drvctl", "atkbd");
        if (Directory.Exists("/sys/module/vgpu_standin"))
            Command.Run("modprobe", "-r", "vgpu-standin");
        if (Directory.Exists("/sys/module/bochs"))
            UnloadDisplayDriver();
    }

    /// <summary>The console keeps the driver in use until it is taken off it.</summary>
    private static void UnloadDisplayDriver()
    {
        foreach (var device in Directory.GetDirectories("/sys/bus/pci/drivers/bochs-drm", "0000:*").Select(Path.GetFileName))
            Sysfs.Write("/sys/bus/pci/drivers/bochs-drm/unbind", device!);
        Command.Run("rmmod", "bochs");
    }

    private static string Shell(IEnumerable<(string Path, string Value)> writes) =>
        string.Concat(writes.Select(w => $"printf '{w.Value.Replace("\n", "\\n", StringComparison.Ordinal)}' > {w.Path} 2>/dev/null; "));

    /// <summary>What went wrong; what went well is let go of at once.</summary>
    private static string? Failure(TakeResult result)
    {
        (result as TakeResult.Taken)?.Device.Dispose();
        return result is TakeResult.Failed failed ? failed.ToString() : null;
    }

    private static AgentMachine Real()
    {
        var paths = new HostPaths("/");
        return new AgentMachine(paths, new LinuxHostCalls(paths), UeventSource.Open);
    }

    private sealed class Holder(VfioHolder process) : IScenarioHolder
    {
        public int ProcessId => process.ProcessId;

        public int Requests => process.Requests;

        public void Dispose() => process.Dispose();
    }

    private sealed class SecondWriter(Process loop) : IDisposable
    {
        public void Dispose()
        {
            loop.Kill(entireProcessTree: true);
            loop.WaitForExit();
            loop.Dispose();
        }
    }

    private sealed class Mounted(string mountPoint) : IDisposable
    {
        public void Dispose() => Command.Run("umount", mountPoint);
    }
}
