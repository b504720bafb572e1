using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// What a journal's records add up to. The first record of a thing stays until it is forgotten: how it was before us never changes.
/// </summary>
/// <param name="Nodes">Device nodes whose owner we changed, as they were before.</param>
public sealed record JournalState(Ownership Ownership, ImmutableSortedDictionary<string, NodeOwner> Nodes)
{
    public static JournalState Empty { get; } = new(Ownership.None, ImmutableSortedDictionary<string, NodeOwner>.Empty);

    /// <summary>
    /// The devices that were ours when an earlier boot ended; null once the desired state was read from its source in this boot, and where
    /// no earlier boot is known.
    /// </summary>
    public ImmutableSortedSet<DeviceId>? InForceBefore { get; init; }

    /// <summary>What of this is still true after another boot: the kernel has forgotten what we did, and we remember what it was.</summary>
    public JournalState AfterBoot() =>
        Empty with
        {
            Ownership = Ownership.None with
            {
                Vgpus = Ownership
                    .Vgpus.Where(v => !v.Value.IsOfEarlierBoot)
                    .ToImmutableSortedDictionary(v => v.Key, v => v.Value with { IsOfEarlierBoot = true }),
            },
            InForceBefore =
            [
                .. Ownership.Functions.Keys,
                .. Ownership.PhysicalFunctions.Keys,
                .. Ownership.Mdevs.Keys,
                .. Ownership.Loans.Keys,
                .. Ownership.Vgpus.Where(v => !v.Value.IsOfEarlierBoot).Select(v => v.Key),
                .. Ownership.Attributes.Select(a => a.File.Device),
                .. InForceBefore ?? [],
            ],
        };

    /// <summary>The state after one more record. The same for a record of which nothing has to be remembered.</summary>
    public JournalState With(JournalRecord record) =>
        record switch
        {
            JournalRecord.InForceBefore { Device: { } device } => this with { InForceBefore = (InForceBefore ?? []).Add(device) },
            JournalRecord.InForceBefore => this with { InForceBefore = InForceBefore ?? [] },
            JournalRecord.Confirm => this with { InForceBefore = null },
            JournalRecord.RecordNode r => Nodes.ContainsKey(r.Path)
                ? this
                : this with
                {
                    Nodes = Nodes.Add(r.Path, new NodeOwner(r.Uid, r.Gid, r.Mode)),
                },
            JournalRecord.ForgetNode r => this with { Nodes = Nodes.Remove(r.Path) },
            _ => Ownership.With(record) is var known && ReferenceEquals(known, Ownership) ? this : this with { Ownership = known },
        };

    /// <summary>The shortest sequence of records that adds up to this state.</summary>
    public IEnumerable<JournalRecord> ToRecords()
    {
        foreach (var f in Ownership.Functions.Values)
        {
            yield return new JournalRecord.RecordFunction(f.Address, f.OriginalDriver, f.OriginalOverride, f.PolicyUid);
        }

        foreach (var pf in Ownership.PhysicalFunctions.Values)
        {
            yield return new JournalRecord.RecordPhysicalFunction(pf.Address, pf.PolicyUid, pf.OriginalNumVfs, pf.OriginalAutoprobe);
            var wasOpened = pf.SetupOpen || pf.Asked is not null || pf.Made is not null;
            if (wasOpened)
                yield return new JournalRecord.OpenVfSetup(pf.Address, pf.Asked);
            if (wasOpened && !pf.SetupOpen)
                yield return new JournalRecord.CloseVfSetup(pf.Address, pf.Made);
        }

        foreach (var a in Ownership.Attributes)
        {
            yield return new JournalRecord.RecordAttribute(a.File.Device, a.File.Name, a.Original, a.Asked, a.PolicyUid);
            if (a.IsSet)
                yield return new JournalRecord.ConfirmAttribute(a.File.Device, a.File.Name, a.Reads);
        }

        foreach (var m in Ownership.Mdevs.Values)
        {
            yield return new JournalRecord.RecordMdev(m.Uuid, m.Parent, m.TypeId, m.PolicyUid);
            if (m.Attributes is { } attributes)
                yield return new JournalRecord.FinishMdev(m.Uuid, attributes);
        }

        foreach (var v in Ownership.Vgpus.Values)
            yield return new JournalRecord.RecordVgpu(v.Address, v.TypeId, v.TypeName, v.PolicyUid, v.IsOfEarlierBoot ? true : null);

        foreach (var l in Ownership.Loans.Values)
            yield return new JournalRecord.RecordLoan(l.Device, l.Lent, l.PolicyUid, l.Drivers);

        foreach (var h in Ownership.Health.Values)
        {
            yield return h.Fault is { } fault
                ? new JournalRecord.RecordFault(h.Device, fault, h.FatalErrors)
                : new JournalRecord.ClearFault(h.Device, h.FatalErrors);
        }

        if (InForceBefore is { } before)
        {
            yield return new JournalRecord.InForceBefore();
            foreach (var device in before)
                yield return new JournalRecord.InForceBefore(device);
        }

        foreach (var (path, owner) in Nodes)
            yield return new JournalRecord.RecordNode(path, owner.Uid, owner.Gid, owner.Mode);
    }
}
