using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// What /proc says of the processes: the devices they have open or mapped, and the mounts of every mount namespace. A process that ends
/// meanwhile is passed over; one that cannot be looked into is not: it may use anything. How long a look takes and what it keeps is not for
/// processes to decide: each has its share (<see cref="LookBudget"/>), and one that does not let itself be looked at is given up.
/// </summary>
internal sealed class ProcessReader(HostPaths paths, IHostCalls calls, KernelThreads threads, TimeProvider time)
{
    /// <summary>Of one file system so many places are kept: each container has a copy of each mount.</summary>
    private const int MostPlaces = 64;

    /// <summary>What hangs keeps its thread.</summary>
    private const int MostHung = 32;

    private const string ThreadName = "look at processes";

    /// <summary>One question to the kernel takes microseconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly HostFileReader _files = new(paths);
    private readonly int _self = paths.Root == "/" ? Environment.ProcessId : 0; // what this process has open is the proof itself
    private readonly KernelCalls<ProcessFilesCall> _calls = new(threads, ThreadName, time, MostHung);

    /// <summary>One pass over all processes.</summary>
    public ProcessSnapshot Read(OpenFileFilter filter, LookBudget budget)
    {
        var pids = Pids();
        var complaints = new Complaints();
        var mounts = ReadMounts(pids, complaints);
        return new ProcessSnapshot(ReadFiles(pids, filter, budget, withMappings: true, complaints), mounts, complaints.InWords);
    }

    /// <summary>The descriptors alone.</summary>
    public ProcessSnapshot ReadDescriptors(OpenFileFilter filter, LookBudget budget)
    {
        var complaints = new Complaints();
        return new ProcessSnapshot(ReadFiles(Pids(), filter, budget, withMappings: false, complaints), [], complaints.InWords);
    }

    public static string PathOf(int pid) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");

    public static string CommandOf(HostFileReader files, int pid) => files.ReadText(PathOf(pid) + "/comm").Text ?? "?";

    /// <summary>Process 1 first: where many share a mount namespace, the oldest stands for it.</summary>
    private List<int> Pids() =>
        [
            .. _files
                .List("/proc")
                .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
                .Where(p => p > 0)
                .Order(),
        ];

    private ImmutableArray<OpenFile> ReadFiles(
        List<int> pids,
        OpenFileFilter filter,
        LookBudget budget,
        bool withMappings,
        Complaints complaints
    )
    {
        var left = budget.InAll;
        var wanted = pids.Where(p => p != _self).Select(p => new ProcessFilesCall(p)).ToList();
        var series = new CallSeries<ProcessFilesCall>(_calls, threads, ThreadName, time, Patience);
        var answers = series.MakeAll(
            wanted,
            (call, pulse) =>
            {
                var most = Math.Min(budget.OfProcess, Volatile.Read(ref left));
                var found = new OpenFileReader(_files, calls, filter, call.Pid, most, pulse).Read(withMappings);
                Interlocked.Add(ref left, -Math.Min(found.Looked, most));
                return found;
            }
        );
        var open = ImmutableArray.CreateBuilder<OpenFile>();
        foreach (var (call, answer) in wanted.Zip(answers))
        {
            if (answer is KernelAnswer<ProcessFiles>.Returned { Value: var found })
            {
                open.AddRange(found.Open);
                complaints.Add(found.Unseen);
            }
            else if (_files.Exists(PathOf(call.Pid)))
            {
                complaints.Add($"{call} cannot be seen: {InWords(answer)}");
            }
        }

        return open.ToImmutable();
    }

    private static string InWords(KernelAnswer<ProcessFiles> answer) =>
        answer is KernelAnswer<ProcessFiles>.NotBegun { Why: var why }
            ? why.InWords
            : "the kernel does not answer, because a memory map or a file of that process hangs";

    private ImmutableArray<MountedFilesystem> ReadMounts(List<int> pids, Complaints complaints)
    {
        var mounts = ImmutableArray.CreateBuilder<MountedFilesystem>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var namespaces = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pid in pids)
        {
            var process = PathOf(pid);
            var mountNamespace = _files.ReadLinkText(process + "/ns/mnt", out var error);
            if (mountNamespace is null)
            {
                if ((error == Errno.EACCES || error == Errno.EPERM) && _files.Exists(process))
                {
                    complaints.Add(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"the mounts that process {pid} ({CommandOf(_files, pid)}) sees cannot be read: {error}"
                        )
                    );
                }

                continue;
            }

            if (!namespaces.Add(mountNamespace))
                continue;
            var any = false;
            var command = new Lazy<string>(() => CommandOf(_files, pid));
            foreach (var line in _files.ReadLines(process + "/mountinfo"))
            {
                any = true;
                if (MountedFilesystem.Parse(line, pid, () => command.Value) is not { } mount)
                    continue;
                var count = places[mount.DeviceNumber] = places.GetValueOrDefault(mount.DeviceNumber) + 1;
                if (count <= MostPlaces)
                    mounts.Add(mount);
            }

            if (!any)
                namespaces.Remove(mountNamespace); // it ended: the next process of this namespace tells
        }

        return mounts.ToImmutable();
    }

    /// <summary>The first is enough to begin with, and how many more there are.</summary>
    private sealed class Complaints
    {
        private string? _first;
        private int _more;

        public string? InWords =>
            _more == 0 ? _first : string.Create(CultureInfo.InvariantCulture, $"{_first} (and so it is with {_more} more)");

        public void Add(string? complaint)
        {
            if (complaint is null)
                return;
            if (_first is null)
                _first = complaint;
            else
                _more++;
        }
    }

    private sealed record ProcessFilesCall(int Pid)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"what process {Pid} has open and mapped");
    }
}
