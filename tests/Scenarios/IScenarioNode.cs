using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A node that scenarios run on: the simulated kernel, or the real one in the lab. What a scenario says must hold on both.
/// </summary>
internal interface IScenarioNode : IDisposable
{
    AgentMachine Machine { get; }

    /// <summary>How long a scenario waits for what should happen; the lab's processor is emulated.</summary>
    double PatienceSeconds { get; }

    /// <summary>
    /// Takes a device as a VMM does, up to its descriptor, by group and where the host has cdevs by cdev too; null when it went well, else
    /// the failing step.
    /// </summary>
    string? TakeAllTheWay(string address);

    /// <summary>Another process holds the function's group until the result is disposed of.</summary>
    Task<IScenarioHolder> HoldAsync(string address);

    /// <summary>
    /// Another process has the function's character device open and not bound, as a VMM has it before it takes the device, until the result
    /// is disposed of.
    /// </summary>
    Task<IScenarioHolder> OpenCdevAsync(string address);

    /// <summary>The writes to <c>/sys</c> that a thread of this process is in this moment.</summary>
    IReadOnlyList<string> WritesUnderWay();

    /// <summary>
    /// Something else on the host that makes these writes, in order, every second, whatever comes of them, until the result is disposed of.
    /// </summary>
    IDisposable EverySecond(params (string Path, string Value)[] writes);

    /// <summary>Something else on the host that makes these writes once, in order, whatever comes of them.</summary>
    void Write(params (string Path, string Value)[] writes);

    /// <summary>
    /// Something else on the host that sets what a physical function's interface has for a virtual function, in the words of ip-link(8).
    /// </summary>
    void SetVf(string physicalFunction, string setting, string value);

    /// <summary>rmmod: functions that have the driver lose it.</summary>
    void UnloadDriver(string name);

    /// <summary>modprobe: the driver takes every free function that it knows.</summary>
    void LoadDriver(string name);

    /// <summary>
    /// The machine as after another boot: host drivers, no VFs, and whatever the agent kept in its state directory is of an earlier boot.
    /// No agent may run.
    /// </summary>
    void Reboot(string stateDirectory);

    /// <summary>Mounts the disk of an NVMe function, or of a SCSI device, until the result is disposed of.</summary>
    IDisposable MountDisk(string address, string mountPoint) => Mount(ScenarioNodes.DiskOf(Machine.Paths, address), mountPoint);

    /// <summary>Mounts a disk, with a file system that it gets for that, until the result is disposed of.</summary>
    /// <param name="disk">As the kernel calls it: <c>sda</c>.</param>
    IDisposable Mount(string disk, string mountPoint);

    /// <summary>
    /// Puts the network interface of a function to use, until the result is disposed of: then it is down and nobody's again.
    /// </summary>
    INetworkUser UseInterface(string address, NetworkUse use);

    /// <summary>
    /// What an admin, udev or a driver does to a function's network interface, which is down; until the node is disposed of.
    /// </summary>
    void RenameInterface(string address, string name);

    /// <summary>Gives a function's network interface another name beside its own, of which no event tells.</summary>
    void AddAlternativeName(string address, string name);

    /// <summary>
    /// Uses the disk of an NVMe function, or of a SCSI device at <c>host:channel:target:LUN</c>, until the result is disposed of.
    /// </summary>
    DiskUser UseDisk(string address, DiskUse use);

    /// <summary>
    /// Plugs in a way to the disk that has two, with the serial number <see cref="ScenarioNodes.PathsSerial"/> and the wwid
    /// <see cref="ScenarioNodes.PathsWwid"/>: the first at <see cref="LabMachine.ScsiAdapter"/>, the second at the other adapter. Until the
    /// node is disposed of.
    /// </summary>
    /// <param name="path">0 or 1.</param>
    void PlugPath(int path, int target);

    /// <summary>Another process has this node open until the result is disposed of.</summary>
    DiskUser OpenNode(string node);

    /// <summary>
    /// Tries to mount a disk, which has a file system, as <c>mount(8)</c> does; null when it is mounted, else what the kernel said.
    /// </summary>
    string? TryMount(string disk, string mountPoint);

    /// <summary>From now on the graphics cards are the host's, and it shows its console on one of them.</summary>
    void LoadDisplayDriver();

    void Unmount(string mountPoint);

    /// <summary>Pulls a USB device out of the socket that it is in.</summary>
    Task UnplugAsync(UsbThing thing);

    /// <summary>Plugs one into a socket of 0000:01:00.0 that is empty.</summary>
    Task PlugAsync(UsbThing thing, int port);

    /// <summary>
    /// Another process has a USB device as a VMM does, its first interface taken from its driver, until the result is disposed of: then it
    /// is killed.
    /// </summary>
    Task<IScenarioHolder> HoldUsbAsync(string node);

    /// <summary>modprobe: the driver takes every USB interface without one that it knows. As before when the node is disposed of.</summary>
    void LoadUsbDriver(string name);

    /// <summary>Somebody may log in at a virtual terminal until the result is disposed of.</summary>
    IDisposable OpenTerminal(int number);

    TreeSnapshot Snapshot();
}

internal interface IScenarioHolder : IDisposable
{
    int ProcessId { get; }

    /// <summary>
    /// How often the kernel asked the process for the device: its request eventfd. Stays 0 where it could not tell, on a device that is not
    /// bound.
    /// </summary>
    int Requests { get; }
}
