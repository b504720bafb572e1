using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios;

/// <summary>A node that scenarios run on: the simulated kernel, or the real one in the lab. What a scenario says must hold on both.</summary>
internal interface IScenarioNode : IDisposable
{
    AgentMachine Machine { get; }

    /// <summary>How long a scenario waits for what should happen; the lab's processor is emulated.</summary>
    double PatienceSeconds { get; }

    /// <summary>Takes a device as a VMM does, up to its descriptor, by group and where the host has cdevs by cdev too; null when it went well, else the failing step.</summary>
    string? TakeAllTheWay(string address);

    /// <summary>Another process holds the function's group until the result is disposed of.</summary>
    Task<IScenarioHolder> HoldAsync(string address);

    /// <summary>Mounts the disk of an NVMe function until the result is disposed of.</summary>
    IDisposable MountDisk(string address, string mountPoint);

    /// <summary>Puts the network interface of a function to use, until the result is disposed of: then it is down and nobody's again.</summary>
    INetworkUser UseInterface(string address, NetworkUse use);
    /// <summary>Uses the disk of an NVMe function until the result is disposed of.</summary>
    DiskUser UseDisk(string address, DiskUse use);

    /// <summary>Tries to mount a disk, which has a file system, as <c>mount(8)</c> does; null when it is mounted, else what the kernel said.</summary>
    string? TryMount(string disk, string mountPoint);

    /// <summary>From now on the graphics cards are the host's, and it shows its console on one of them.</summary>
    void LoadDisplayDriver();

    void Unmount(string mountPoint);

    TreeSnapshot Snapshot();
}

internal interface IScenarioHolder : IDisposable
{
    int ProcessId { get; }
}
