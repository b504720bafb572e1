using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>A descriptor or a mapping that a process has of a device, of a PCI function's memory, or of a VFIO device.</summary>
/// <param name="Target">As the process names it; a name like <c>anon_inode:[vfio-device]</c> where there is no file.</param>
/// <param name="Number">The device; null for what is no device node.</param>
internal sealed record OpenFile(int Pid, string Command, string Target, DeviceNumber? Number, bool Mapped = false)
{
    public const string VfioDevice = "anon_inode:[vfio-device]";

    /// <summary>Where sysfs has it, for a function's memory; null for all else.</summary>
    public string? Memory { get; init; }

    /// <summary>Completes "X is": <c>open in process 7 (Xorg)</c>.</summary>
    public string InProcess => $"{(Mapped ? "mapped" : "open")} in process {Pid} ({Command})";

    /// <summary>The file by the process's name for it, and by the kernel's where the two differ.</summary>
    public string Named(string kernelName) =>
        Target == kernelName || SysfsPath.LastName(Target) == kernelName ? Target : $"{Target}, which is {kernelName},";
}

/// <summary>What one pass over <c>/proc</c> found.</summary>
/// <param name="Unseen">What could not be looked at, in words: whoever is behind it may use anything. Null when all was seen.</param>
internal sealed record ProcessSnapshot(ImmutableArray<OpenFile> Open, ImmutableArray<MountedFilesystem> Mounts, string? Unseen);

/// <summary>
/// How many open files and mappings a look goes through: whoever may make more of them must not decide how long it takes.
/// </summary>
/// <param name="OfProcess">Of one process. The kernel's own limit is 1048576 (<c>fs.nr_open</c>) as it comes.</param>
/// <param name="InAll">Of all processes.</param>
internal sealed record LookBudget(int OfProcess, int InAll)
{
    /// <summary>A look that decides what may be taken: seconds do not matter, to see all does.</summary>
    public static LookBudget Thorough { get; } = new(1 << 20, 1 << 21);

    /// <summary>A look that the kubelet waits for: some microseconds each.</summary>
    public static LookBudget Quick { get; } = new(1 << 14, 1 << 16);
}

/// <summary>
/// Which open files a look keeps. All else is forgotten as it is read: nobody's files grow what is kept but a device's user's.
/// </summary>
/// <param name="isWanted">By the device's number.</param>
/// <param name="memory">Null where functions' memory and VFIO devices are not asked for.</param>
internal sealed class OpenFileFilter(Func<DeviceNumber, bool> isWanted, PciMemory? memory = null)
{
    /// <summary>Numbers come from whoever opens a node: what is remembered of them has an end.</summary>
    private const int MostKnown = 4096;

    private readonly Dictionary<DeviceNumber, bool> _known = [];

    public PciMemory? Memory => memory;

    public bool IsWanted(DeviceNumber number)
    {
        lock (_known)
        {
            if (_known.TryGetValue(number, out var wanted))
                return wanted;
            wanted = isWanted(number);
            if (_known.Count < MostKnown)
                _known.Add(number, wanted);
            return wanted;
        }
    }
}
