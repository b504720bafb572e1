using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// What all parts of the simulated kernel share: one lock, the tree, the writable attributes and the events. Every change is made under
/// <see cref="Gate"/>; a blocked write waits on it and so blocks nobody but its own thread.
/// </summary>
internal sealed class KernelCore(SysTree tree, UeventHub uevents, string kernelRelease)
{
    [ThreadStatic]
    private static string? s_currentWrite;

    private readonly Dictionary<string, Func<string, Errno>> _attributes = [];
    private readonly Dictionary<string, (DeviceNumber Number, bool Indexed)> _nodes = [];
    private readonly List<string> _blocked = [];
    private readonly List<string> _messages = [];

    public object Gate { get; } = new();

    public SysTree Tree { get; } = tree;

    public string KernelRelease { get; } = kernelRelease;

    public UeventHub Uevents { get; } = uevents;

    public Indices Indices { get; private set; } = new();

    /// <summary>Counts boots: what waited in an earlier one gives up.</summary>
    public int Generation { get; private set; }

    /// <summary>How many VFs the driver of a physical function makes of the number that is written, where that is another one.</summary>
    public Dictionary<Crds.PciAddress, Func<int, int>> VfsMade { get; } = [];

    /// <summary>What is in each USB socket that somebody has plugged or pulled something at; null for nothing.</summary>
    public Dictionary<string, UsbDeviceDescription?> UsbPlugged { get; } = [];

    /// <summary>What is cabled to a SCSI controller, where that is something else than its description says.</summary>
    public Dictionary<Crds.PciAddress, ImmutableArray<ScsiUnitDescription>> ScsiCabling { get; } = [];

    /// <summary>What the kernel printed since boot, oldest first.</summary>
    public ImmutableArray<string> Messages => Locked(() => _messages.ToImmutableArray());

    /// <summary>Paths of writes that wait for somebody to let go, oldest first.</summary>
    public ImmutableArray<string> BlockedWrites => Locked(() => _blocked.ToImmutableArray());

    private static string IndexEntry(DeviceNumber number) => $"/sys/dev/{(number.IsBlock ? "block" : "char")}/{number}";

    public T Locked<T>(Func<T> action)
    {
        lock (Gate)
        {
            var result = action();
            Monitor.PulseAll(Gate);
            return result;
        }
    }

    public void Locked(Action action) =>
        Locked(() =>
        {
            action();
            return 0;
        });

    /// <summary>A device's node, and its entry in the kernel's own index (<c>/sys/dev/char/MAJOR:MINOR</c>).</summary>
    /// <param name="path">The device below <c>/sys/devices</c>; null for a node that somebody made by hand.</param>
    public void AddNode(string node, DeviceNumber number, string? path, int mode)
    {
        Tree.WriteFile(node, "", mode);
        _nodes[node] = (number, path is not null);
        if (path is not null)
            Tree.WriteLink(IndexEntry(number), path);
    }

    public void RemoveNode(string node)
    {
        if (!_nodes.Remove(node, out var removed))
            return;
        Tree.Remove(node);
        if (removed.Indexed)
            Tree.Remove(IndexEntry(removed.Number));
    }

    /// <summary>Null when there is no such node.</summary>
    public DeviceNumber? NumberOf(string node) => _nodes.TryGetValue(node, out var found) ? found.Number : null;

    /// <summary>What a path leads to, as statx(2) tells.</summary>
    public FileLook Look(string path)
    {
        var number = NumberOf(path) ?? (Tree.Canonical(path) is { } canonical ? NumberOf(canonical) : null);
        return number is { } device
            ? new FileLook(Errno.None, FileKind.Device, device, NativeFiles.Look(Tree.Real(path)).Inode, 0)
            : NativeFiles.Look(Tree.Real(path));
    }

    public void Print(string message) => _messages.Add(message);

    /// <summary>Whether the IOMMU isolates interrupts, without which VFIO lets no VM have a device.</summary>
    public bool InterruptRemapping { get; set; }

    /// <summary>Modules whose <c>allow_unsafe_interrupts</c> is on, so that they let VMs have devices all the same.</summary>
    public HashSet<string> UnsafeInterrupts { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether VMs can have devices by what this module does.</summary>
    public bool GivesDevices(string module) => InterruptRemapping || UnsafeInterrupts.Contains(module);

    /// <summary>Makes a file writable; the handler runs under the gate.</summary>
    public void Attribute(string path, Func<string, Errno> write) => _attributes[path] = write;

    public void DropAttributes(string directory)
    {
        foreach (var path in _attributes.Keys.Where(path => path.StartsWith(directory + "/", StringComparison.Ordinal)).ToArray())
            _attributes.Remove(path);
    }

    /// <summary>One write(2). A write of nothing reaches no attribute.</summary>
    public Errno Write(string path, string value)
    {
        lock (Gate)
        {
            if (Tree.Canonical(path) is not { } canonical)
                return Errno.ENOENT;
            if (!_attributes.TryGetValue(canonical, out var handler))
                return Errno.EACCES;
            if (value.Length == 0)
                return Errno.None;
            s_currentWrite = canonical;
            try
            {
                return handler(value);
            }
            finally
            {
                s_currentWrite = null;
                Monitor.PulseAll(Gate);
            }
        }
    }

    /// <summary>
    /// Waits under the gate; false when the machine was rebooted or switched off meanwhile, and nothing may be touched any more.
    /// </summary>
    public bool WaitUntil(Func<bool> condition)
    {
        var generation = Generation;
        if (condition())
            return true;
        var name = s_currentWrite ?? "(kernel)";
        _blocked.Add(name);
        Monitor.PulseAll(Gate);
        while (generation == Generation && !condition())
            Monitor.Wait(Gate);
        _blocked.Remove(name);
        Monitor.PulseAll(Gate);
        return generation == Generation;
    }

    /// <summary>For tests: returns when a write whose path ends so is blocked, false after the time.</summary>
    public bool AwaitBlocked(string pathEnd, TimeSpan limit) =>
        Await(() => _blocked.Exists(path => path.EndsWith(pathEnd, StringComparison.Ordinal)), limit);

    public bool Await(Func<bool> condition, TimeSpan limit)
    {
        var end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (Gate)
        {
            while (!condition())
            {
                var left = end - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(Gate, TimeSpan.FromMilliseconds(left)))
                    return condition();
            }

            return true;
        }
    }

    /// <summary>A new boot, or the end: everything dynamic is forgotten and whoever waits gives up.</summary>
    public void Restart()
    {
        Generation++;
        _attributes.Clear();
        _nodes.Clear();
        _messages.Clear();
        Indices = new Indices();
        Tree.UnblockAllReads();
        Monitor.PulseAll(Gate);
    }
}

/// <summary>Numbers that the kernel gives out, always the lowest that is free (ida_alloc).</summary>
internal sealed class Indices
{
    private readonly Dictionary<string, SortedSet<int>> _taken = [];

    public int Take(string kind, int first = 0)
    {
        if (!_taken.TryGetValue(kind, out var taken))
            _taken[kind] = taken = [];
        var index = first;
        while (!taken.Add(index))
            index++;
        return index;
    }

    /// <summary>Counts on from the last one given, from 1: USB device numbers are not used again until they wrap.</summary>
    public int Next(string kind)
    {
        var next = _taken.GetValueOrDefault(kind)?.Max + 1 ?? 1;
        return Take(kind, next);
    }

    public void Free(string kind, int index) => _taken.GetValueOrDefault(kind)?.Remove(index);
}
