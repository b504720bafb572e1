using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What a journal's records add up to. The first record of a thing stays until it is forgotten: how it was before us never changes.</summary>
/// <param name="Nodes">Device nodes whose owner we changed, as they were before.</param>
public sealed record JournalState(Ownership Ownership, ImmutableSortedDictionary<string, NodeOwner> Nodes)
{
    public static JournalState Empty { get; } = new(Ownership.None, ImmutableSortedDictionary<string, NodeOwner>.Empty);

    /// <summary>
    /// The functions and physical functions that were ours when an earlier boot ended; null once the desired state was read from its source in this boot, and where no
    /// earlier boot is known.
    /// </summary>
    public ImmutableSortedSet<DeviceId>? InForceBefore { get; init; }

    /// <summary>What of this is still true after another boot: the kernel has forgotten what we did, and we remember what it was.</summary>
    public JournalState AfterBoot() => Empty with { InForceBefore = [.. Ownership.Functions.Keys.Concat(Ownership.PhysicalFunctions.Keys).Select(a => (DeviceId)a), .. InForceBefore ?? []] };

    /// <exception cref="FormatException">The record lacks what its <c>op</c> needs, or an address is none.</exception>
    public JournalState With(JournalRecord record)
    {
        switch (record.Op)
        {
            case JournalOp.RecordFunction:
                var function = new OwnedFunction(Address(record), record.Driver, record.DriverOverride, record.Policy ?? "");
                return Ownership.Functions.ContainsKey(function.Address) ? this : this with { Ownership = Ownership with { Functions = Ownership.Functions.Add(function.Address, function) } };
            case JournalOp.ForgetFunction:
                return this with { Ownership = Ownership with { Functions = Ownership.Functions.Remove(Address(record)) } };
            case JournalOp.RecordPhysicalFunction:
                var pf = new OwnedPhysicalFunction(Address(record), Need(record.NumVfs, record, "numVfs"), Need(record.Autoprobe, record, "autoprobe"), record.Policy ?? "", SetupOpen: false);
                return Ownership.PhysicalFunctions.ContainsKey(pf.Address) ? this : WithPhysicalFunction(pf);
            case JournalOp.OpenVfSetup:
                return WithSetup(record, pf => pf with { SetupOpen = true, Asked = record.NumVfs, Made = null });
            case JournalOp.CloseVfSetup:
                return WithSetup(record, pf => pf with { SetupOpen = false, Made = record.NumVfs });
            case JournalOp.ForgetPhysicalFunction:
                return this with { Ownership = Ownership with { PhysicalFunctions = Ownership.PhysicalFunctions.Remove(Address(record)) } };
            case JournalOp.RecordFault or JournalOp.ClearFault:
                var health = new KnownHealth(Address(record), record.Op == JournalOp.RecordFault ? record.Fault ?? throw new FormatException("fault is missing in a RecordFault record") : null, Need(record.FatalErrors, record, "fatalErrors"));
                return this with { Ownership = Ownership with { Health = Ownership.Health.SetItem(health.Address, health) } };
            case JournalOp.ForgetFault:
                return this with { Ownership = Ownership with { Health = Ownership.Health.Remove(Address(record)) } };
            case JournalOp.InForceBefore:
                return this with { InForceBefore = record.Address is null ? InForceBefore ?? [] : (InForceBefore ?? []).Add(Address(record)) };
            case JournalOp.Confirm:
                return this with { InForceBefore = null };
            case JournalOp.RecordNode:
                var path = record.Path ?? throw new FormatException("path is missing");
                return Nodes.ContainsKey(path) ? this : this with { Nodes = Nodes.Add(path, new NodeOwner(Need(record.Uid, record, "uid"), Need(record.Gid, record, "gid"), Need(record.Mode, record, "mode"))) };
            case JournalOp.ForgetNode:
                return this with { Nodes = Nodes.Remove(record.Path ?? throw new FormatException("path is missing")) };
            default:
                return this;
        }
    }

    /// <summary>The shortest sequence of records that adds up to this state.</summary>
    public IEnumerable<JournalRecord> ToRecords()
    {
        foreach (var f in Ownership.Functions.Values)
        {
            yield return new JournalRecord { Op = JournalOp.RecordFunction, Address = f.Address.ToString(), Driver = f.OriginalDriver, DriverOverride = f.OriginalOverride, Policy = f.PolicyUid };
        }

        foreach (var pf in Ownership.PhysicalFunctions.Values)
        {
            yield return new JournalRecord { Op = JournalOp.RecordPhysicalFunction, Address = pf.Address.ToString(), NumVfs = pf.OriginalNumVfs, Autoprobe = pf.OriginalAutoprobe, Policy = pf.PolicyUid };
            var (address, wasOpened) = (pf.Address.ToString(), pf.SetupOpen || pf.Asked is not null || pf.Made is not null);
            if (wasOpened) yield return new JournalRecord { Op = JournalOp.OpenVfSetup, Address = address, NumVfs = pf.Asked };
            if (wasOpened && !pf.SetupOpen) yield return new JournalRecord
            {
                Op = JournalOp.CloseVfSetup,
                Address = address,
                NumVfs = pf.Made
            };
        }

        foreach (var h in Ownership.Health.Values)
        {
            yield return new JournalRecord { Op = h.Fault is null ? JournalOp.ClearFault : JournalOp.RecordFault, Address = h.Address.ToString(), Fault = h.Fault, FatalErrors = h.FatalErrors };
        }

        if (InForceBefore is { } before)
        {
            yield return new JournalRecord { Op = JournalOp.InForceBefore }; // the earlier boot may have had nothing in force, which is something to know
            foreach (var address in before) yield return new JournalRecord { Op = JournalOp.InForceBefore, Address = address.ToString() };
        }

        foreach (var (path, owner) in Nodes)
        {
            yield return new JournalRecord { Op = JournalOp.RecordNode, Path = path, Uid = owner.Uid, Gid = owner.Gid, Mode = owner.Mode };
        }
    }

    private JournalState WithSetup(JournalRecord record, Func<OwnedPhysicalFunction, OwnedPhysicalFunction> change) =>
        Ownership.PhysicalFunctions.TryGetValue(Address(record), out var known) ? WithPhysicalFunction(change(known)) : this;

    private JournalState WithPhysicalFunction(OwnedPhysicalFunction pf) =>
        this with { Ownership = Ownership with { PhysicalFunctions = Ownership.PhysicalFunctions.SetItem(pf.Address, pf) } };

    private static PciAddress Address(JournalRecord record) => PciAddress.Parse(record.Address ?? "");

    private static T Need<T>(T? value, JournalRecord record, string field)
        where T : struct => value ?? throw new FormatException($"{field} is missing in a {record.Op} record");
}
