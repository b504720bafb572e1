using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning;

/// <summary>What the journal says we changed on this machine since it booted, and how it was before: all that giving back needs.</summary>
public sealed record Ownership
{
    public static Ownership None { get; } = new();

    public ImmutableSortedDictionary<DeviceId, OwnedFunction> Functions { get; init; } =
        ImmutableSortedDictionary<DeviceId, OwnedFunction>.Empty;

    /// <summary>Devices that were found broken in this boot, and those that a reset has proven since.</summary>
    public ImmutableSortedDictionary<DeviceId, KnownHealth> Health { get; init; } = ImmutableSortedDictionary<DeviceId, KnownHealth>.Empty;

    public ImmutableSortedDictionary<DeviceId, OwnedPhysicalFunction> PhysicalFunctions { get; init; } =
        ImmutableSortedDictionary<DeviceId, OwnedPhysicalFunction>.Empty;

    /// <summary>Files of devices that we wrote, in the order in which that began.</summary>
    public ImmutableArray<OwnedAttribute> Attributes { get; init; } = [];

    /// <summary>Mediated devices that we made; they may be gone.</summary>
    public ImmutableSortedDictionary<DeviceId, OwnedMdev> Mdevs { get; init; } = ImmutableSortedDictionary<DeviceId, OwnedMdev>.Empty;

    /// <summary>Virtual functions that we gave a type of vGPU; they may have lost it.</summary>
    public ImmutableSortedDictionary<DeviceId, OwnedVgpu> Vgpus { get; init; } = ImmutableSortedDictionary<DeviceId, OwnedVgpu>.Empty;

    /// <summary>Devices that were lent to pods as they are, as far as they were not taken back.</summary>
    public ImmutableSortedDictionary<DeviceId, OwnedLoan> Loans { get; init; } = ImmutableSortedDictionary<DeviceId, OwnedLoan>.Empty;

    /// <summary>Null for a file that is not ours.</summary>
    public OwnedAttribute? Attribute(AttributeFile file) => Attributes.FirstOrDefault(a => a.File == file);

    /// <summary>What is known after one more record. The same for a record that tells of nothing that is owned.</summary>
    public Ownership With(JournalRecord record) =>
        record switch
        {
            JournalRecord.RecordFunction r => Functions.ContainsKey(r.Address)
                ? this
                : this with
                {
                    Functions = Functions.Add(r.Address, new OwnedFunction(r.Address, r.Driver, r.DriverOverride, r.PolicyUid ?? "")),
                },
            JournalRecord.ForgetFunction r => this with { Functions = Functions.Remove(r.Address) },
            JournalRecord.RecordPhysicalFunction r => PhysicalFunctions.ContainsKey(r.Address)
                ? this
                : With(new OwnedPhysicalFunction(r.Address, r.NumVfs, r.Autoprobe, r.PolicyUid ?? "", SetupOpen: false)),
            JournalRecord.OpenVfSetup r => WithSetup(r.Address, pf => pf with { SetupOpen = true, Asked = r.NumVfs, Made = null }),
            JournalRecord.CloseVfSetup r => WithSetup(r.Address, pf => pf with { SetupOpen = false, Made = r.NumVfs }),
            JournalRecord.ForgetPhysicalFunction r => this with { PhysicalFunctions = PhysicalFunctions.Remove(r.Address) },
            JournalRecord.RecordAttribute r => WithAttribute(r),
            JournalRecord.ConfirmAttribute r => WithAttribute(r.Device, r.File, a => a with { IsSet = true, Reads = r.Reads }),
            JournalRecord.ForgetAttribute r => WithAttribute(r.Device, r.File, _ => null),
            JournalRecord.FinishMdev r => Mdevs.TryGetValue(r.Uuid, out var made)
                ? this with
                {
                    Mdevs = Mdevs.SetItem(r.Uuid, made with { Attributes = r.Attributes }),
                }
                : this,
            JournalRecord.RecordMdev r => Mdevs.ContainsKey(r.Uuid)
                ? this
                : this with
                {
                    Mdevs = Mdevs.Add(r.Uuid, new OwnedMdev(r.Uuid, r.Parent, r.TypeId, r.PolicyUid)),
                },
            JournalRecord.ForgetMdev r => this with { Mdevs = Mdevs.Remove(r.Uuid) },
            JournalRecord.RecordVgpu r => Vgpus.GetValueOrDefault(r.Address) is { IsOfEarlierBoot: false }
                ? this
                : this with
                {
                    Vgpus = Vgpus.SetItem(
                        r.Address,
                        new OwnedVgpu(r.Address, r.TypeId, r.TypeName, r.PolicyUid) { IsOfEarlierBoot = r.OfEarlierBoot == true }
                    ),
                },
            JournalRecord.ForgetVgpu r => this with { Vgpus = Vgpus.Remove(r.Address) },
            JournalRecord.RecordLoan r => Loans.ContainsKey(r.Device)
                ? this
                : this with
                {
                    Loans = Loans.Add(r.Device, new OwnedLoan(r.Device, r.Lent, r.PolicyUid, r.Drivers)),
                },
            JournalRecord.ForgetLoan r => this with { Loans = Loans.Remove(r.Device) },
            JournalRecord.RecordFault r => With(new KnownHealth(r.Device, r.Fault, r.FatalErrors)),
            JournalRecord.ClearFault r => With(new KnownHealth(r.Device, null, r.FatalErrors)),
            JournalRecord.ForgetFault r => this with { Health = Health.Remove(r.Device) },
            _ => this,
        };

    private Ownership WithAttribute(JournalRecord.RecordAttribute record)
    {
        var file = new AttributeFile(record.Device, record.File);
        return Attribute(file) is null
            ? this with
            {
                Attributes = Attributes.Add(new OwnedAttribute(file, record.Original, record.Value, record.PolicyUid)),
            }
            : WithAttribute(record.Device, record.File, a => a with { Asked = record.Value, PolicyUid = record.PolicyUid, IsSet = false });
    }

    /// <param name="change">Null forgets it.</param>
    private Ownership WithAttribute(DeviceId device, string name, Func<OwnedAttribute, OwnedAttribute?> change) =>
        Attribute(new AttributeFile(device, name)) is { } known
            ? this with
            {
                Attributes = change(known) is { } changed ? Attributes.Replace(known, changed) : Attributes.Remove(known),
            }
            : this;

    private Ownership WithSetup(PciAddress address, Func<OwnedPhysicalFunction, OwnedPhysicalFunction> change) =>
        PhysicalFunctions.TryGetValue(address, out var known) ? With(change(known)) : this;

    private Ownership With(OwnedPhysicalFunction pf) => this with { PhysicalFunctions = PhysicalFunctions.SetItem(pf.Address, pf) };

    private Ownership With(KnownHealth health) => this with { Health = Health.SetItem(health.Device, health) };
}

/// <summary>What is known of a device's health beyond what it shows now.</summary>
/// <param name="Fault">Why it is out of service; null once a reset has proven it.</param>
/// <param name="FatalErrors">Fatal errors that are accounted for: only more than these are news.</param>
public sealed record KnownHealth(DeviceId Device, string? Fault, long FatalErrors);
