using System.Globalization;
using System.Text;

namespace Hostdev.Sandbox.Kernel;

/// <summary>The processes of the simulated host and their <c>/proc</c>.</summary>
public sealed class ProcessTable
{
    private readonly SortedDictionary<int, SimulatedProcess> _processes = [];
    private int _nextPid = 1;

    internal ProcessTable(KernelCore core, IommuGroups groups, VfioBus vfio)
    {
        Core = core;
        Groups = groups;
        Vfio = vfio;
    }

    internal KernelCore Core { get; }

    internal IommuGroups Groups { get; }

    internal VfioBus Vfio { get; }

    /// <summary>Set by the kernel once there are disks.</summary>
    internal SimulatedStorage? Storage { get; set; }

    /// <param name="mountNamespace">Another text than the host's puts it into a mount namespace of its own, as a container is.</param>
    public SimulatedProcess Start(string comm, string mountNamespace = SimulatedProcess.HostNamespace) =>
        Core.Locked(() =>
        {
            var process = new SimulatedProcess(this, _nextPid, comm, mountNamespace);
            _nextPid += _nextPid == 1 ? 700 : 1;
            _processes.Add(process.Pid, process);
            Core.Tree.AddDirectory(
                process.Directory,
                directory =>
                {
                    directory.WriteFile("comm", comm + "\n");
                    directory.WriteFile("cmdline", comm + "\0", 0x124);
                    directory.WriteFile("mountinfo", MountInfo(process), 0x124);
                    directory.WriteFile("maps", "", 0x124);
                    directory.AddDirectory("fd");
                    directory.AddDirectory("fdinfo");
                    directory.AddDirectory("ns");
                }
            );
            Core.Tree.WriteRawLink(process.Directory + "/ns/mnt", mountNamespace);
            return process;
        });

    internal SimulatedProcess? Find(string pid) =>
        int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? _processes.GetValueOrDefault(number) : null;

    internal void Remove(SimulatedProcess process)
    {
        _processes.Remove(process.Pid);
        Core.Tree.Remove(process.Directory);
    }

    internal void WriteMounts()
    {
        foreach (var process in _processes.Values)
            Core.Tree.WriteFile(process.Directory + "/mountinfo", MountInfo(process), 0x124);
        var host = new StringBuilder(
            "proc /proc proc rw,relatime 0 0\nsys /sys sysfs rw,relatime 0 0\ndev /dev devtmpfs rw,relatime,mode=755 "
                + "0 0\noverlay / overlay rw,relatime 0 0\n"
        );
        foreach (var mount in MountsIn(SimulatedProcess.HostNamespace))
        {
            host.Append(CultureInfo.InvariantCulture, $"{mount.Source} {mount.Target} {mount.Type} rw,relatime 0 0\n");
        }

        Core.Tree.WriteFile("/proc/mounts", host.ToString(), 0x124);
    }

    private IEnumerable<SimulatedStorage.Mount> MountsIn(string mountNamespace) =>
        Storage?.Mounts.Where(mount => mount.Namespace == mountNamespace && !mount.Hidden) ?? [];

    private string MountInfo(SimulatedProcess process)
    {
        var text = new StringBuilder(
            "24 35 0:22 / /proc rw,relatime - proc proc rw\n"
                + "25 35 0:23 / /sys rw,relatime - sysfs sys rw\n26 35 0:6 / /dev rw,relatime - devtmpfs dev "
                + "rw,mode=755\n35 1 0:28 / / rw,relatime - overlay overlay rw\n"
        );
        foreach (var mount in MountsIn(process.MountNamespace))
        {
            var options = mount.Options is { } more ? "," + more : "";
            text.Append(
                CultureInfo.InvariantCulture,
                $"{mount.Id} 35 {mount.ShownNumber} / {mount.Target} rw,relatime - {mount.Type} {mount.Source} rw{options}\n"
            );
        }

        return text.ToString();
    }
}
