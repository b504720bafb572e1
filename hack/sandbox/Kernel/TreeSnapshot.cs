using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// A host as its files show it at one moment, to be compared with another moment: "as before" is an empty <see cref="Diff"/>.
/// </summary>
/// <param name="Entries">By host path: a link's text, a file's content with owner and mode, or that it is a directory.</param>
public sealed record TreeSnapshot(ImmutableSortedDictionary<string, string> Entries)
{
    /// <summary>
    /// What differs after giving everything back although nothing is wrong: an interface that comes back has a new index, and the clock
    /// goes on.
    /// </summary>
    private static readonly ImmutableArray<string> s_volatile = ["/ifindex", "/runtime_status", "/fdinfo"];

    /// <summary>The whole tree of a simulated machine.</summary>
    public static TreeSnapshot Take(HostPaths paths)
    {
        var entries = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var top in (string[])["/sys", "/proc", "/dev"])
            Walk(paths, top, entries, IsStable);
        return new TreeSnapshot(entries.ToImmutable());
    }

    /// <summary>
    /// What Hostdev can change, on a real host as on a simulated one: drivers, overrides, VFs, autoprobe, groups' and vfio's nodes with
    /// their owners, mdevs. Reads nothing that blocks for long and nothing that has side effects.
    /// </summary>
    public static TreeSnapshot TakeHostState(HostPaths paths)
    {
        var entries = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var device in Children(paths, "/sys/bus/pci/devices"))
        {
            foreach (var name in (string[])["driver", "driver_override", "sriov_numvfs", "sriov_drivers_autoprobe", "iommu_group"])
                AddIfThere(paths, $"{device}/{name}", entries);
            entries[device] = "there";
        }

        foreach (var directory in (string[])["/sys/bus/mdev/devices", "/sys/class/vfio-dev", "/dev/vfio", "/dev/vfio/devices"])
        {
            foreach (var path in Children(paths, directory))
                AddIfThere(paths, path, entries);
        }

        AddIfThere(paths, "/dev/iommu", entries);
        return new TreeSnapshot(entries.ToImmutable());
    }

    /// <summary>One line for each difference, ordered by path: <c>+</c> new, <c>-</c> gone, <c>~</c> changed.</summary>
    public static ImmutableArray<string> Diff(TreeSnapshot before, TreeSnapshot after)
    {
        var lines = ImmutableArray.CreateBuilder<string>();
        foreach (var path in before.Entries.Keys.Union(after.Entries.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var old = before.Entries.GetValueOrDefault(path);
            var now = after.Entries.GetValueOrDefault(path);
            if (old == now)
                continue;
            lines.Add(
                old is null ? $"+ {path}: {now}"
                : now is null ? $"- {path}: {old}"
                : $"~ {path}: {old} => {now}"
            );
        }

        return lines.ToImmutable();
    }

    private static bool IsStable(string path) =>
        !s_volatile.Any(end => path.EndsWith(end, StringComparison.Ordinal) || path.Contains(end + "/", StringComparison.Ordinal))
        && !(path.Contains("/net/", StringComparison.Ordinal) && path.EndsWith("/uevent", StringComparison.Ordinal));

    private static IEnumerable<string> Children(HostPaths paths, string directory) =>
        Directory.Exists(paths.Resolve(directory))
            ? Directory.EnumerateFileSystemEntries(paths.Resolve(directory)).Select(paths.OnHost).Order(StringComparer.Ordinal)
            : [];

    private static void Walk(
        HostPaths paths,
        string path,
        ImmutableSortedDictionary<string, string>.Builder entries,
        Func<string, bool> wanted
    )
    {
        if (!wanted(path))
            return;
        var isDirectory = AddIfThere(paths, path, entries);
        if (!isDirectory)
            return;
        foreach (var child in Children(paths, path))
            Walk(paths, child, entries, wanted);
    }

    /// <summary>True for a directory, which the caller may descend into.</summary>
    private static bool AddIfThere(HostPaths paths, string path, ImmutableSortedDictionary<string, string>.Builder entries)
    {
        var real = paths.Resolve(path);
        var kind = NativeFiles.ReadKind(real, out var owner);
        if (kind == NodeKind.None)
            return false;
        entries[path] = kind switch
        {
            NodeKind.Link => "-> " + new FileInfo(real).LinkTarget,
            NodeKind.Directory => $"directory {owner}",
            _ when path.StartsWith("/dev/", StringComparison.Ordinal) => $"node {owner}",
            NodeKind.File => $"{ReadText(real)} ({owner})",
            _ => $"blocked ({owner})",
        };
        return kind == NodeKind.Directory;
    }

    private static string ReadText(string real)
    {
        try
        {
            return File.ReadAllText(real).TrimEnd('\n').Replace("\n", "\\n", StringComparison.Ordinal);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            return "unreadable: " + failed.GetType().Name;
        }
    }
}
