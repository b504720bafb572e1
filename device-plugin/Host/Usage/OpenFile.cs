using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host.Usage;

/// <summary>A descriptor or a mapping that a process has of a device, of a PCI function's memory, or of a VFIO device.</summary>
/// <param name="Target">As the process names it; a name like <c>anon_inode:[vfio-device]</c> where there is no file.</param>
/// <param name="Number">The device; null for what is no device node.</param>
internal sealed record OpenFile(int Pid, string Command, string Target, DeviceNumber? Number, bool Mapped = false)
{
    public const string VfioDevice = "anon_inode:[vfio-device]";

    /// <summary>Completes "X is": <c>open in process 7 (Xorg)</c>.</summary>
    public string InProcess => $"{(Mapped ? "mapped" : "open")} in process {Pid} ({Command})";

    /// <summary>The file by the process's name for it, and by the kernel's where the two differ.</summary>
    public string Named(string kernelName) => Target[(Target.LastIndexOf('/') + 1)..] == kernelName ? Target : $"{Target}, which is {kernelName},";
}

/// <param name="DeviceNumber"><c>major:minor</c>; anonymous for btrfs and the like.</param>
/// <param name="Source">The mounted device as mountinfo names it.</param>
/// <param name="Pid">A process that sees the mount; 1 where the host itself does.</param>
internal sealed record MountedFilesystem(string DeviceNumber, string MountPoint, string Source, int Pid, string Command);

/// <summary>What one pass over <c>/proc</c> found.</summary>
/// <param name="Unseen">What could not be looked at, in words: whoever is behind it may use anything. Null when all was seen.</param>
internal sealed record ProcessSnapshot(ImmutableArray<OpenFile> Open, ImmutableArray<MountedFilesystem> Mounts, string? Unseen);
