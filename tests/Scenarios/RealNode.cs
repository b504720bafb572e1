using System.Diagnostics;
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
    public RealNode() => Assert.True(LabFacts.InNode, "this test changes the host's drivers and runs only in the lab's node: hack/lab test");

    public AgentMachine Machine { get; } = Real();

    public double PatienceSeconds => 240;

    public string? TakeAllTheWay(string address)
    {
        var pci = PciAddress.Parse(address);
        return Failure(VfioTaker.TakeGroup(Sysfs.GroupPath(pci), address)) ?? (LabFacts.HasCdev ? Failure(VfioTaker.TakeCdev(Sysfs.CdevPath(pci))) : null);
    }

    public async Task<IScenarioHolder> HoldAsync(string address) =>
        new Holder(await VfioHolder.HoldGroupAsync(Sysfs.Group(PciAddress.Parse(address)), address, TestContext.Current.CancellationToken));

    public IDisposable MountDisk(string address, string mountPoint)
    {
        var disk = $"/dev/{ScenarioNodes.DiskOf(Machine.Paths, address)}";
        Directory.CreateDirectory(mountPoint);
        Run("modprobe", "ext4");
        Run("mkfs.ext4", "-q", "-F", disk);
        Run("mount", disk, mountPoint);
        return new Mounted(mountPoint);
    }

    public TreeSnapshot Snapshot() => TreeSnapshot.TakeHostState(Machine.Paths);

    /// <summary>Whatever a scenario left behind, the next one finds the node as it booted.</summary>
    public void Dispose()
    {
        // A write that blocks because a scenario leaked a descriptor must not hang the whole suite: it fails this one.
        var cleaning = Task.Run(CleanUp);
        Assert.True(cleaning.Wait(TimeSpan.FromSeconds(60)), "the node cannot be cleaned up: a write blocks, so somebody still holds a device");
    }

    private static void CleanUp()
    {
        foreach (var pf in (string[])["0000:41:00.0", "0000:44:00.0", "0000:81:00.0"])
        {
            Sysfs.Write(PciAddress.Parse(pf), "sriov_numvfs", "0");
            Sysfs.Write(PciAddress.Parse(pf), "sriov_drivers_autoprobe", "1");
        }

        foreach (var device in Directory.GetDirectories(Sysfs.Devices).Select(Path.GetFileName).Select(n => PciAddress.Parse(n!)))
        {
            if (Sysfs.Driver(device) is "vfio-pci" or "pci-stub") Sysfs.Unbind(device);
        }
    }

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

    public static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)}: {error}");
    }

    private sealed class Holder(VfioHolder process) : IScenarioHolder
    {
        public int ProcessId => process.ProcessId;

        public void Dispose() => process.Dispose();
    }

    private sealed class Mounted(string mountPoint) : IDisposable
    {
        public void Dispose() => Run("umount", mountPoint);
    }
}
