using System.Collections.Immutable;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Host.Usage;

/// <summary>Who uses a disk: mounts of any namespace, swap, and what is stacked on it or on its partitions (device-mapper, md), followed to its own mounts.</summary>
internal sealed class StorageUsage(HostPaths paths, ImmutableArray<MountedFilesystem> mounts, ImmutableArray<string> swaps)
{
    /// <summary>The users of one whole disk, for example <c>nvme0n1</c>.</summary>
    public IEnumerable<DeviceUser> UsersOf(string disk) => Blocks(disk).SelectMany(b => UsersOfBlock(b, b, 0)).Distinct();

    private IEnumerable<DeviceUser> UsersOfBlock(string block, string name, int depth)
    {
        var number = Read($"/sys/class/block/{block}/dev");
        foreach (var mount in mounts.Where(m => (number.Length > 0 && m.DeviceNumber == number) || m.Source == $"/dev/{block}").DistinctBy(m => m.MountPoint))
        {
            yield return new DeviceUser(UserKind.Mount, $"{name} is mounted at {mount.MountPoint}{(mount.Pid == 1 ? "" : $" in the mount namespace of process {mount.Pid}")}");
        }

        if (swaps.Contains($"/dev/{block}")) yield return new DeviceUser(UserKind.Swap, $"{name} is swap space");
        if (depth > 8) yield break; // md on dm on md: nobody stacks deeper, and a loop must end
        foreach (var holder in Names($"/sys/class/block/{block}/holders"))
        {
            var label = Read($"/sys/class/block/{holder}/dm/name");
            var holderName = label.Length > 0 ? $"{holder} ({label})" : holder;
            yield return new DeviceUser(UserKind.StackedDevice, $"{name} is part of {holderName}");
            foreach (var user in UsersOfBlock(holder, holderName, depth + 1)) yield return user;
        }
    }

    private IEnumerable<string> Blocks(string disk) =>
        Names($"/sys/class/block/{disk}").Where(n => n.StartsWith(disk, StringComparison.Ordinal)).Prepend(disk);

    private List<string> Names(string hostPath)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(paths.Resolve(hostPath)).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private string Read(string hostPath)
    {
        try
        {
            return File.ReadAllText(paths.Resolve(hostPath)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
