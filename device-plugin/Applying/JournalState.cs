using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;

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
            JournalRecord.RecordFunction r => Ownership.Functions.ContainsKey(r.Address)
                ? this
                : With(
                    Ownership with
                    {
                        Functions = Ownership.Functions.Add(
                            r.Address,
                            new OwnedFunction(r.Address, r.Driver, r.DriverOverride, r.PolicyUid ?? "")
                        ),
                    }
                ),
            JournalRecord.ForgetFunction r => With(Ownership with { Functions = Ownership.Functions.Remove(r.Address) }),
            JournalRecord.RecordPhysicalFunction r => Ownership.PhysicalFunctions.ContainsKey(r.Address)
                ? this
                : With(new OwnedPhysicalFunction(r.Address, r.NumVfs, r.Autoprobe, r.PolicyUid ?? "", SetupOpen: false)),
            JournalRecord.OpenVfSetup r => WithSetup(r.Address, pf => pf with { SetupOpen = true, Asked = r.NumVfs, Made = null }),
            JournalRecord.CloseVfSetup r => WithSetup(r.Address, pf => pf with { SetupOpen = false, Made = r.NumVfs }),
            JournalRecord.ForgetPhysicalFunction r => With(
                Ownership with
                {
                    PhysicalFunctions = Ownership.PhysicalFunctions.Remove(r.Address),
                }
            ),
            JournalRecord.RecordAttribute r => With(r),
            JournalRecord.ConfirmAttribute r => WithAttribute(r.Device, r.File, a => a with { IsSet = true, Reads = r.Reads }),
            JournalRecord.ForgetAttribute r => WithAttribute(r.Device, r.File, _ => null),
            JournalRecord.FinishMdev r => Ownership.Mdevs.TryGetValue(r.Uuid, out var made)
                ? With(Ownership with { Mdevs = Ownership.Mdevs.SetItem(r.Uuid, made with { Attributes = r.Attributes }) })
                : this,
            JournalRecord.RecordMdev r => Ownership.Mdevs.ContainsKey(r.Uuid)
                ? this
                : With(Ownership with { Mdevs = Ownership.Mdevs.Add(r.Uuid, new OwnedMdev(r.Uuid, r.Parent, r.TypeId, r.PolicyUid)) }),
            JournalRecord.ForgetMdev r => With(Ownership with { Mdevs = Ownership.Mdevs.Remove(r.Uuid) }),
            JournalRecord.RecordVgpu r => Ownership.Vgpus.GetValueOrDefault(r.Address) is { IsOfEarlierBoot: false }
                ? this
                : With(
                    Ownership with
                    {
                        Vgpus = Ownership.Vgpus.SetItem(
                            r.Address,
                            new OwnedVgpu(r.Address, r.TypeId, r.TypeName, r.PolicyUid) { IsOfEarlierBoot = r.OfEarlierBoot == true }
                        ),
                    }
                ),
            JournalRecord.ForgetVgpu r => With(Ownership with { Vgpus = Ownership.Vgpus.Remove(r.Address) }),
            JournalRecord.RecordLoan r => Ownership.Loans.ContainsKey(r.Device)
                ? this
                : With(Ownership with { Loans = Ownership.Loans.Add(r.Device, new OwnedLoan(r.Device, r.Lent, r.PolicyUid, r.Drivers)) }),
            JournalRecord.ForgetLoan r => With(Ownership with { Loans = Ownership.Loans.Remove(r.Device) }),
            JournalRecord.RecordFault r => With(new KnownHealth(r.Device, r.Fault, r.FatalErrors)),
            JournalRecord.ClearFault r => With(new KnownHealth(r.Device, null, r.FatalErrors)),
            JournalRecord.ForgetFault r => With(Ownership with { Health = Ownership.Health.Remove(r.Device) }),
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
            JournalRecord.Open or JournalRecord.Write => this,
            _ => throw new System.Diagnostics.UnreachableException(),
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

    private JournalState With(JournalRecord.RecordAttribute record)
    {
        var file = new AttributeFile(record.Device, record.File);
        return Ownership.Attribute(file) is null
            ? With(
                Ownership with
                {
                    Attributes = Ownership.Attributes.Add(new OwnedAttribute(file, record.Original, record.Value, record.PolicyUid)),
                }
            )
            : WithAttribute(record.Device, record.File, a => a with { Asked = record.Value, PolicyUid = record.PolicyUid, IsSet = false });
    }

    /// <param name="change">Null forgets it.</param>
    private JournalState WithAttribute(DeviceId device, string name, Func<OwnedAttribute, OwnedAttribute?> change)
    {
        var file = new AttributeFile(device, name);
        return Ownership.Attribute(file) is { } known
            ? With(
                Ownership with
                {
                    Attributes = change(known) is { } changed
                        ? Ownership.Attributes.Replace(known, changed)
                        : Ownership.Attributes.Remove(known),
                }
            )
            : this;
    }

    private JournalState WithSetup(PciAddress address, Func<OwnedPhysicalFunction, OwnedPhysicalFunction> change) =>
        Ownership.PhysicalFunctions.TryGetValue(address, out var known) ? With(change(known)) : this;

    private JournalState With(Ownership ownership) => this with { Ownership = ownership };

    private JournalState With(OwnedPhysicalFunction pf) =>
        With(Ownership with { PhysicalFunctions = Ownership.PhysicalFunctions.SetItem(pf.Address, pf) });

    private JournalState With(KnownHealth health) => With(Ownership with { Health = Ownership.Health.SetItem(health.Device, health) });
}
