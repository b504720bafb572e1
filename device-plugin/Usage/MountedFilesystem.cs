using System.Collections.Immutable;
using System.Globalization;

namespace Hostdev.DevicePlugin.Usage;

/// <param name="DeviceNumber"><c>major:minor</c>; anonymous for btrfs and the like.</param>
/// <param name="Source">As mountinfo has it: whatever whoever mounted it wrote there, but for types that say by themselves what they stand
/// on.</param>
/// <param name="Pid">A process that sees the mount; 1 where the host itself does.</param>
internal sealed record MountedFilesystem(string DeviceNumber, string MountPoint, string Source, int Pid, string Command)
{
    private const int MostNamed = 3;

    /// <summary>
    /// Types without a block device's number of which somebody asks what they come over. None of them can be mounted in a user namespace
    /// of one's own (kernel <c>FS_USERNS_MOUNT</c>), so the source that they show is not made up.
    /// </summary>
    private static readonly string[] Asked = ["btrfs", "9p", "virtiofs", "nfs", "nfs4", "cifs", "smb3", "lustre"];

    /// <summary>As mountinfo names it: <c>ext4</c>, <c>9p</c>, <c>fuse.sshfs</c>.</summary>
    public string Type { get; init; } = "";

    /// <summary>Those of the file system itself (<c>trans=virtio</c>, <c>proto=rdma</c>).</summary>
    public ImmutableArray<string> Options { get; init; } = [];

    /// <summary>Whether its number is no block device's.</summary>
    public bool IsAnonymous => DeviceNumber.StartsWith("0:", StringComparison.Ordinal);

    public string? Option(string name) =>
        Options.FirstOrDefault(o => o.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>
    /// A line of mountinfo (proc(5)): <c>id parent major:minor root mountpoint options [optional...] - type source superoptions</c>. Null
    /// for what is none, and for what tells of no device: a tmpfs, a proc, a FUSE, whatever its source says.
    /// </summary>
    public static MountedFilesystem? Parse(string line, int pid, Func<string> command)
    {
        var fields = line.Split(' ');
        var dash = Array.IndexOf(fields, "-");
        if (fields.Length < 10 || dash < 6 || dash + 2 >= fields.Length)
            return null;
        var isRoot = pid == 1 && fields[4] == "/";
        var isAsked = Asked.Contains(fields[dash + 1]);
        if (fields[2].StartsWith("0:", StringComparison.Ordinal) && !isAsked && !isRoot)
            return null;
        return new MountedFilesystem(fields[2], Unescape(fields[4]), Unescape(fields[dash + 2]), pid, command())
        {
            Type = fields[dash + 1],
            Options = isAsked ? [.. fields.ElementAtOrDefault(dash + 3)?.Split(',') ?? []] : [],
        };
    }

    /// <summary>Blank, tab, newline and backslash are octal there (kernel <c>fs/proc_namespace.c: mangle</c>).</summary>
    public static string Unescape(string text) =>
        text.Replace("\\040", " ", StringComparison.Ordinal)
            .Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal)
            .Replace("\\134", "\\", StringComparison.Ordinal);

    /// <summary>
    /// Where one file system is mounted, to go on after "X is mounted at". The host's own mounts where it has any: each container has
    /// copies of them. Else those of other namespaces, with a process that sees them.
    /// </summary>
    public static IEnumerable<string> Places(IEnumerable<MountedFilesystem> mounts)
    {
        var all = mounts.DistinctBy(m => (m.MountPoint, m.Pid)).ToList();
        var shown = all.Exists(m => m.Pid == 1) ? all.FindAll(m => m.Pid == 1) : all;
        foreach (var mount in shown.Take(MostNamed))
            yield return mount.Place;
        if (shown.Count > MostNamed)
            yield return string.Create(CultureInfo.InvariantCulture, $"{shown.Count - MostNamed} more places");
    }

    private string Place =>
        Pid == 1
            ? MountPoint
            : string.Create(CultureInfo.InvariantCulture, $"{MountPoint} in the mount namespace of process {Pid} ({Command})");
}
