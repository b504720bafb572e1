using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Owners of device nodes, as policies want them for the pods that open them. What was there before is in the journal first.
/// </summary>
internal sealed class NodeOwners(IHostCalls calls, Journal journal)
{
    /// <summary>
    /// Sets the owners of a unit's nodes; null, or what stands in the way. udev may rewrite them at any time after a bind, so they are set
    /// and read back for every answer.
    /// </summary>
    public string? Set(Unit unit, UnitState state)
    {
        foreach (var node in state.Nodes)
        {
            var now = calls.ReadOwner(node);
            if (!now.Error.IsSuccess)
                return $"{node} is not there ({now.Error})";
            if (unit.DeviceFile is not { } wanted)
                continue;
            var owner = new NodeOwner(wanted.Uid, wanted.Gid, wanted.Mode.Bits);
            if (now.Owner == owner)
                continue;
            journal.Append(new JournalRecord.RecordNode(node, now.Owner.Uid, now.Owner.Gid, now.Owner.Mode));
            var error = calls.SetOwner(node, owner);
            if (!error.IsSuccess || calls.ReadOwner(node).Owner != owner)
                return $"the owner of {node} cannot be set to {owner} ({error})";
        }

        return null;
    }

    /// <summary>Gives the owner back to nodes that no answer needs any more, and forgets those that are gone.</summary>
    public void GiveBack(AllocationLedger ledger)
    {
        var answered = ledger.ById.Values.SelectMany(a => a.Nodes).Select(n => n.Path).ToHashSet(StringComparer.Ordinal);
        foreach (var (path, owner) in journal.State.Nodes.Where(n => !answered.Contains(n.Key)))
        {
            if (calls.ReadOwner(path).Error.IsSuccess && !calls.SetOwner(path, owner).IsSuccess)
                continue;
            journal.Append(new JournalRecord.ForgetNode(path));
        }
    }
}
