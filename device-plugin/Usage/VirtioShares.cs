using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// File systems that a hypervisor shares with this host: they have no block device, and mountinfo has their tag in place of one. A 9p
/// device has its tag in <c>mount_tag</c>, a virtiofs device in <c>/sys/fs/virtiofs/N/tag</c> since Linux 6.10 (kernel
/// <c>net/9p/trans_virtio.c</c>, <c>fs/fuse/virtio_fs.c</c>).
/// </summary>
internal sealed class VirtioShares
{
    private const string Virtiofs = "/sys/fs/virtiofs";
    private readonly HostFileReader _files;
    private readonly ImmutableArray<MountedFilesystem> _mounts;
    private readonly Lazy<Dictionary<string, string>> _virtiofsTags;

    public VirtioShares(HostFileReader files, ImmutableArray<MountedFilesystem> mounts)
    {
        (_files, _mounts) = (files, mounts);
        _virtiofsTags = new(() =>
            files
                .List(Virtiofs)
                .Select(n => (Device: files.ReadLinkName($"{Virtiofs}/{n}/device"), files.ReadText($"{Virtiofs}/{n}/tag").Text))
                .Where(t => t.Device is not null && t.Text is not null)
                .DistinctBy(t => t.Device)
                .ToDictionary(t => t.Device!, t => t.Text!, StringComparer.Ordinal)
        );
    }

    /// <summary>
    /// The kernel takes a 9p device from nobody: the write that unbinds it waits until the last mount is gone, and so does a shutdown
    /// (<c>p9_virtio_remove</c>). So no protection that an admin overrides is enough.
    /// </summary>
    public IEnumerable<DeviceUser> Of9p(string device)
    {
        var tag = TagOf9p(device);
        var mounts = _mounts.Where(m => m.Type == "9p" && m.Option("trans") is null or "virtio").ToList();
        var users = Of(new Share(device, "9p", tag), mounts, "9pnet_virtio", known: []).ToList();
        if (users.Count > 0)
        {
            users.Add(new DeviceUser(UserKind.KernelWaits, $"the kernel lets {tag ?? "it"} (9p) go only when it is unmounted"));
        }

        return users;
    }

    public IEnumerable<DeviceUser> OfVirtiofs(string device)
    {
        var tags = _virtiofsTags.Value;
        var share = new Share(device, "virtiofs", tags.GetValueOrDefault(SysfsPath.LastName(device)));
        return Of(share, [.. _mounts.Where(m => m.Type == "virtiofs")], "virtiofs", tags.Values);
    }

    /// <param name="known">Tags of other devices.</param>
    private IEnumerable<DeviceUser> Of(Share share, List<MountedFilesystem> mounts, string module, IEnumerable<string> known)
    {
        var name = SysfsPath.LastName(share.Device);
        var possible = mounts.FindAll(m => share.Tag is { } tag ? m.Source == tag : !known.Contains(m.Source, StringComparer.Ordinal));
        var doubt = share.Tag is null ? $", which may come over it ({name} does not tell its tag)" : "";
        foreach (var source in possible.GroupBy(m => m.Source))
        {
            foreach (var place in MountedFilesystem.Places(source))
            {
                yield return new DeviceUser(UserKind.Mount, $"{source.Key} ({share.Type}) is mounted at {place}{doubt}");
            }
        }

        if (possible.Count > 0 || !HasHidden(mounts, module))
            yield break;
        yield return new DeviceUser(UserKind.Mount, $"{share.Tag ?? name} ({share.Type}) may be mounted where no process shows it");
    }

    /// <summary>
    /// Whether more is mounted than can be seen: each file system holds the module once. Where it is not a module, an overlay as the root
    /// is the sign of layers that were mounted below it.
    /// </summary>
    private bool HasHidden(List<MountedFilesystem> mounts, string module)
    {
        var seen = mounts.Select(m => m.DeviceNumber).Distinct(StringComparer.Ordinal).Count();
        var held = _files.ReadText($"/sys/module/{module}/refcnt").Text;
        return int.TryParse(held, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count > seen
            : _mounts.LastOrDefault(m => m is { Pid: 1, MountPoint: "/" })?.Type is "overlay" or "aufs";
    }

    /// <summary>The kernel prints the tag with the NUL at its end.</summary>
    private string? TagOf9p(string device) =>
        _files.ReadBytes(device + "/mount_tag", out _) is { } bytes
        && Encoding.UTF8.GetString(bytes).Trim('\0', '\n', ' ') is { Length: > 0 } tag
            ? tag
            : null;

    /// <param name="Tag">Null when the device does not tell it: then it may be any that no other has.</param>
    private sealed record Share(string Device, string Type, string? Tag);
}
