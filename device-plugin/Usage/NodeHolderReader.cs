using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Who has nodes open that are given to pods, by their device numbers (<see cref="DeviceNumber.WithKind"/>): under which name does not
/// matter, nor whether a node still has one.
/// </summary>
public sealed class NodeHolderReader(HostPaths paths, IHostCalls calls, KernelThreads threads, TimeProvider time)
{
    private readonly ProcessReader _processes = new(paths, calls, threads, time);

    /// <param name="numbers">The nodes that are asked for; of all others nothing is kept.</param>
    /// <param name="quick">
    /// For an answer that somebody waits for, of units that have a group: of what goes beyond a small budget its node tells.
    /// </param>
    public NodeHolders Read(IEnumerable<string> numbers, bool quick)
    {
        var wanted = numbers.ToHashSet(StringComparer.Ordinal);
        return wanted.Count == 0
            ? new NodeHolders(calls, Enumerable.Empty<NodeHolder>().ToLookup(_ => ""), unseen: null)
            : Read(wanted, quick ? LookBudget.Quick : LookBudget.Thorough);
    }

    private NodeHolders Read(HashSet<string> wanted, LookBudget budget)
    {
        var snapshot = _processes.ReadDescriptors(new OpenFileFilter(n => wanted.Contains(n.WithKind)), budget);
        return new NodeHolders(
            calls,
            snapshot.Open.ToLookup(o => o.Number!.Value.WithKind, o => new NodeHolder(o.Pid, o.Command), StringComparer.Ordinal),
            snapshot.Unseen
        );
    }
}

/// <summary>What a look found.</summary>
/// <param name="unseen">What could not be looked at, in words; null when nothing.</param>
public sealed class NodeHolders(IHostCalls calls, ILookup<string, NodeHolder> byNumber, string? unseen)
{
    /// <summary>Whether all processes could be seen.</summary>
    public bool IsComplete => unseen is null;

    /// <summary>
    /// The first of a unit's nodes that somebody has open, and who, in words. Where not all processes could be seen, the group's node is
    /// opened for a moment: it opens only while nobody has it, or has bound a device of it (contracts/kernel.md, "Group viability"). Null
    /// when nobody has any.
    /// </summary>
    /// <param name="nodes">All nodes of a unit that nobody is to have now.</param>
    /// <param name="mayOpen">Nobody is given the unit meanwhile, whose own open would fail.</param>
    public (string Path, string Holder)? FirstOf(IReadOnlyCollection<(string Path, string Number)> nodes, bool mayOpen)
    {
        foreach (var (path, number) in nodes)
        {
            if (byNumber[number].FirstOrDefault() is { } holder)
                return (path, holder.ToString());
        }

        if (unseen is null || nodes.Count == 0)
            return null;
        var group = nodes.Select(n => n.Path).FirstOrDefault(IsGroup);
        if (group is null || !mayOpen)
            return (nodes.First().Path, $"somebody, perhaps: {unseen}");
        var opened = calls.Open(group, OpenIntent.VfioGroup);
        opened.Handle?.Dispose();
        return opened.Error.IsSuccess || opened.Error == Errno.ENOENT ? null
            : opened.Error == Errno.EBUSY ? (group, $"somebody who was not found: {unseen}")
            : (group, $"somebody, perhaps (opening it gave {opened.Error}): {unseen}");
    }

    private static bool IsGroup(string node) => node.LastIndexOf('/') is > 0 and var slash && char.IsAsciiDigit(node[slash + 1]);
}

/// <summary>A process that has a node open.</summary>
public sealed record NodeHolder(int Pid, string Command)
{
    public override string ToString() => $"process {Pid} ({Command})";
}
