using Hostdev.Crds;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Mounts of a server's file systems over RDMA, of which no interface's address or route needs to tell. What comes over TCP or UDP goes by
/// an address or route of the host, which <see cref="NetworkUsage"/> sees.
/// </summary>
internal sealed class RemoteMounts
{
    private readonly Lazy<ILookup<DeviceId, DeviceUser>> _users;

    public RemoteMounts(ProcessSnapshot processes, DeviceTree tree) =>
        _users = new(() => Users(processes, tree).ToLookup(u => u.Device, u => u.User));

    public IEnumerable<DeviceUser> UsersOf(DeviceId device) => _users.Value[device];

    private static IEnumerable<(DeviceId Device, DeviceUser User)> Users(ProcessSnapshot processes, DeviceTree tree)
    {
        foreach (var mounts in processes.Mounts.Where(IsOverRdma).GroupBy(m => (m.Source, m.Type)))
        {
            var places = MountedFilesystem
                .Places(mounts)
                .Select(p => $"{mounts.Key.Source} ({mounts.Key.Type}) is mounted at {p}")
                .ToList();
            foreach (var road in tree.Rdma.Between(mounts.First().Option("clientaddr"), ServerOf(mounts.First()), "RDMA"))
            {
                foreach (var place in places)
                    yield return (road.Device, new DeviceUser(UserKind.Mount, road.Words(place)));
            }
        }
    }

    /// <summary>
    /// NFS says <c>proto=rdma</c>, CIFS <c>rdma</c>, 9p <c>trans=rdma</c>, and Lustre has the network in its source
    /// (<c>10.0.0.1@o2ib:/work</c>).
    /// </summary>
    private static bool IsOverRdma(MountedFilesystem mount) =>
        mount.Type switch
        {
            "nfs" or "nfs4" => mount.Option("proto") is "rdma" or "rdma6",
            "9p" => mount.Option("trans") == "rdma",
            "cifs" or "smb3" => mount.Options.Contains("rdma"),
            "lustre" => mount.Source.Contains("@o2ib", StringComparison.Ordinal),
            _ => false, // whoever mounts a tmpfs writes what they like there
        };

    private static string? ServerOf(MountedFilesystem mount) =>
        mount.Option("addr") ?? (mount.Source.IndexOf('@', StringComparison.Ordinal) is > 0 and var at ? mount.Source[..at] : mount.Source);
}
