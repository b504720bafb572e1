using System.Globalization;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>A network namespace that is not ours, and a socket in it.</summary>
/// <param name="Words">Whose it is: <c>of process 812 (nginx)</c>, the one with the lowest PID, or <c>"blue"</c> when no process is in
/// it.</param>
/// <param name="OurDescriptor">Our own namespace, open in this process: what the kernel there is asked for.</param>
internal sealed record ForeignNamespace(string Words, INetlinkSocket Socket, int OurDescriptor);

/// <summary>
/// Sockets in all network namespaces of the host that a process is in or that has a name, opened by a thread that goes there and ends: a
/// socket belongs to the namespace it was made in (setns(2)). Nothing changes anywhere; no process of ours stays there.
/// </summary>
internal sealed class NetworkNamespaces : IDisposable
{
    private const string Ours = "/proc/self/ns/net";

    /// <summary>ip-netns(8) and Docker, as the host's first process sees them, whatever is mounted here.</summary>
    private static readonly string[] s_named = ["/proc/1/root/run/netns", "/proc/1/root/run/docker/netns"];

    private readonly HostFileReader _files;
    private readonly HostPaths _paths;
    private readonly List<(string Words, int Descriptor)> _found = [];
    private readonly List<ForeignNamespace> _all = [];
    private readonly List<NetlinkSocket> _sockets = [];
    private int _ours = -1;

    private NetworkNamespaces(HostPaths paths) => (_paths, _files) = (paths, new HostFileReader(paths));

    public IReadOnlyList<ForeignNamespace> All => _all;

    /// <summary>Which namespace cannot be looked into, and why; null when all can.</summary>
    public string? Complaint { get; private set; }

    public static NetworkNamespaces Open(HostPaths paths)
    {
        var result = new NetworkNamespaces(paths);
        result.Find();
        if (result._found.Count == 0 || result.Complaint is not null)
            return result;
        var visitor = new Thread(result.Visit) { IsBackground = true, Name = "network namespaces" };
        visitor.Start();
        visitor.Join();
        return result;
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        foreach (var (_, descriptor) in _found)
            _ = LibC.Close(descriptor);
        if (_ours >= 0)
            _ = LibC.Close(_ours);
    }

    private void Find()
    {
        _ours = LibC.Open(_paths.Resolve(Ours), LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        var seen = new HashSet<string>(StringComparer.Ordinal) { _files.ReadLinkName(Ours) ?? "" };
        var pids = _files
            .List("/proc")
            .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(p => p > 0)
            .Order();
        foreach (var pid in pids)
        {
            // A link that cannot be read is opened all the same, for the kernel to say why: the process ended, or this one may not look.
            if (_files.ReadLinkName($"/proc/{pid}/ns/net") is { } space && !seen.Add(space))
                continue;
            var words = $"of process {pid} ({_files.ReadText($"/proc/{pid}/comm").Text ?? "ended"})";
            if (TryOpen($"/proc/{pid}/ns/net", words) is { } descriptor)
                _found.Add((words, descriptor));
        }

        foreach (var (directory, name) in s_named.SelectMany(d => _files.List(d), (d, n) => (d, n)))
        {
            if (TryOpen($"{directory}/{name}", $"\"{name}\"") is not { } descriptor)
                continue;
            if (seen.Add(_files.ReadLinkName($"/proc/self/fd/{descriptor}") ?? ""))
                _found.Add(($"\"{name}\"", descriptor));
            else
                _ = LibC.Close(descriptor);
        }
    }

    /// <summary>Null when it ended meanwhile, or with a complaint.</summary>
    private int? TryOpen(string path, string words)
    {
        var descriptor = LibC.Open(_paths.Resolve(path), LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (descriptor >= 0)
            return descriptor;
        if (LibC.LastError() is var error && error != Errno.ENOENT && error != Errno.ESRCH)
            Complain(words, error);
        return null;
    }

    private void Visit()
    {
        foreach (var (words, descriptor) in _found)
        {
            if (LibC.SetNamespace(descriptor, LibC.CLONE_NEWNET) != 0)
            {
                // A name whose namespace is gone is an ordinary file.
                if (LibC.LastError() is var error && error != Errno.EINVAL)
                    Complain(words, error);
                continue;
            }

            if (NetlinkSocket.TryOpen(out var refused) is not { } socket)
            {
                Complain(words, refused);
                continue;
            }

            _sockets.Add(socket);
            _all.Add(new ForeignNamespace(words, socket, _ours));
        }
    }

    private void Complain(string words, Errno error) => Complaint ??= $"looking into the network namespace {words} gave {error.Name}";
}
