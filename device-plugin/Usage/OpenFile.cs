using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>A descriptor or a mapping that a process has of a device, of a PCI function's memory, or of a VFIO device.</summary>
/// <param name="Target">As the process names it; a name like <c>anon_inode:[vfio-device]</c> where there is no file.</param>
/// <param name="Number">The device; null for what is no device node.</param>
internal sealed record OpenFile(int Pid, string Command, string Target, DeviceNumber? Number, bool Mapped = false)
{
    public const string VfioDevice = "anon_inode:[vfio-device]";

    /// <summary>Completes "X is": <c>open in process 7 (Xorg)</c>.</summary>
    public string InProcess => $"{(Mapped ? "mapped" : "open")} in process {Pid} ({Command})";

    /// <summary>The file by the process's name for it, and by the kernel's where the two differ.</summary>
    public string Named(string kernelName) =>
        Target[(Target.LastIndexOf('/') + 1)..] == kernelName ? Target : $"{Target}, which is {kernelName},";
}

/// <param name="DeviceNumber"><c>major:minor</c>; anonymous for btrfs and the like.</param>
/// <param name="Source">The mounted device as mountinfo names it; of file systems without one what they have instead: a tag, a server's
/// export.</param>
/// <param name="Pid">A process that sees the mount; 1 where the host itself does.</param>
internal sealed record MountedFilesystem(string DeviceNumber, string MountPoint, string Source, int Pid, string Command)
{
    private const int MostNamed = 3;

    /// <summary>As mountinfo names it: <c>ext4</c>, <c>9p</c>, <c>fuse.sshfs</c>.</summary>
    public string Type { get; init; } = "";

    /// <summary>Those of the file system itself (<c>trans=virtio</c>, <c>proto=rdma</c>).</summary>
    public ImmutableArray<string> Options { get; init; } = [];

    public string? Option(string name) =>
        Options.FirstOrDefault(o => o.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>
    /// Where one file system is mounted, to go on after "X is mounted at". The host's own mounts where it has any: each container has
    /// copies of them. Else those of other namespaces, with a process that sees them.
    /// </summary>
    public static IEnumerable<string> Places(IEnumerable<MountedFilesystem> mounts)
    {
        var all = mounts.DistinctBy(m => (m.MountPoint, m.Pid)).ToList();
        var shown = all.Exists(m => m.Pid == 1) ? all.FindAll(m => m.Pid == 1) : all;
        foreach (var mount in shown.Take(MostNamed))
            yield return mount.Place;
        if (shown.Count > MostNamed)
            yield return string.Create(CultureInfo.InvariantCulture, $"{shown.Count - MostNamed} more places");
    }

    private string Place =>
        Pid == 1
            ? MountPoint
            : string.Create(CultureInfo.InvariantCulture, $"{MountPoint} in the mount namespace of process {Pid} ({Command})");
}

/// <summary>What one pass over <c>/proc</c> found.</summary>
/// <param name="Unseen">What could not be looked at, in words: whoever is behind it may use anything. Null when all was seen.</param>
internal sealed record ProcessSnapshot(ImmutableArray<OpenFile> Open, ImmutableArray<MountedFilesystem> Mounts, string? Unseen);
