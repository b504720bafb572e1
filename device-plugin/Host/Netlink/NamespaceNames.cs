using System.Globalization;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>Whose a network namespace is, by its id in ours: asked only when an interface there matters, for it looks at every process.</summary>
internal sealed class NamespaceNames(NetlinkRequests requests, HostFileReader files, HostPaths paths)
{
    private const string NamedNamespaces = "/run/netns"; // ip-netns(8)

    private readonly Dictionary<int, string> _names = [];
    private bool _read;

    /// <summary>The id of our own namespace, which it has as soon as an interface elsewhere refers to one of ours; null before.</summary>
    public int? OwnId => IdOf(RouteMessages.NamespacePid, Environment.ProcessId);

    /// <summary>In words: <c>of process 812 (nginx)</c>, the one with the lowest PID; <c>blue</c>, when no process is in it and ip-netns(8) has named it.</summary>
    public string Of(int id)
    {
        if (!_read) Read();
        return _names.GetValueOrDefault(id, "that no process is in");
    }

    private void Read()
    {
        _read = true;
        var seen = new HashSet<string?>(StringComparer.Ordinal) { files.ReadLinkName("/proc/self/ns/net"), null };
        var pids = files.List("/proc").Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0).Where(p => p > 0).Order();
        foreach (var pid in pids)
        {
            if (!seen.Add(files.ReadLinkName($"/proc/{pid}/ns/net"))) continue;
            if (IdOf(RouteMessages.NamespacePid, pid) is { } id) _names.TryAdd(id, $"of process {pid} ({files.ReadText($"/proc/{pid}/comm").Text ?? "ended"})");
        }

        foreach (var name in files.List(NamedNamespaces))
        {
            var fd = LibC.Open(paths.Resolve($"{NamedNamespaces}/{name}"), LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
            if (fd < 0) continue;
            if (IdOf(RouteMessages.NamespaceFd, fd) is { } id) _names.TryAdd(id, $"\"{name}\"");
            _ = LibC.Close(fd);
        }
    }

    private int? IdOf(int attribute, int value)
    {
        var answer = requests.Get(RouteMessages.GetNamespaceId, RouteMessages.Body(RouteMessages.NamespaceIdBytes, attribute: (attribute, value)));
        return answer.Messages is [var message] && RouteMessages.NamespaceId(message, out var id) ? id : null;
    }
}
