using System.Text.Json.Serialization;
using Hostdev.Crds;
using Hostdev.Planning.Lending;

namespace Hostdev.Planning;

/// <summary>
/// What is to be remembered, one line of the journal. It is on disk before the write that it tells of. A case for each operation, with the
/// fields that it needs in the order in which the file has them; one that may be null may be missing (docs/adr/0006). What a record does to
/// what is known is <see cref="Ownership"/>'s and JournalState's, and a plan has it as <see cref="PlanStep.Record"/>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = Operation)]
[JsonDerivedType(typeof(Open), nameof(Open))]
[JsonDerivedType(typeof(RecordFunction), nameof(RecordFunction))]
[JsonDerivedType(typeof(ForgetFunction), nameof(ForgetFunction))]
[JsonDerivedType(typeof(RecordPhysicalFunction), nameof(RecordPhysicalFunction))]
[JsonDerivedType(typeof(OpenVfSetup), nameof(OpenVfSetup))]
[JsonDerivedType(typeof(CloseVfSetup), nameof(CloseVfSetup))]
[JsonDerivedType(typeof(ForgetPhysicalFunction), nameof(ForgetPhysicalFunction))]
[JsonDerivedType(typeof(RecordAttribute), nameof(RecordAttribute))]
[JsonDerivedType(typeof(ConfirmAttribute), nameof(ConfirmAttribute))]
[JsonDerivedType(typeof(ForgetAttribute), nameof(ForgetAttribute))]
[JsonDerivedType(typeof(RecordMdev), nameof(RecordMdev))]
[JsonDerivedType(typeof(FinishMdev), nameof(FinishMdev))]
[JsonDerivedType(typeof(ForgetMdev), nameof(ForgetMdev))]
[JsonDerivedType(typeof(RecordVgpu), nameof(RecordVgpu))]
[JsonDerivedType(typeof(ForgetVgpu), nameof(ForgetVgpu))]
[JsonDerivedType(typeof(RecordLoan), nameof(RecordLoan))]
[JsonDerivedType(typeof(ForgetLoan), nameof(ForgetLoan))]
[JsonDerivedType(typeof(RecordNode), nameof(RecordNode))]
[JsonDerivedType(typeof(ForgetNode), nameof(ForgetNode))]
[JsonDerivedType(typeof(RecordFault), nameof(RecordFault))]
[JsonDerivedType(typeof(ClearFault), nameof(ClearFault))]
[JsonDerivedType(typeof(ForgetFault), nameof(ForgetFault))]
[JsonDerivedType(typeof(InForceBefore), nameof(InForceBefore))]
[JsonDerivedType(typeof(Confirm), nameof(Confirm))]
[JsonDerivedType(typeof(Write), nameof(Write))]
public abstract record JournalRecord
{
    /// <summary>The field that says which case it is.</summary>
    public const string Operation = "op";

    private JournalRecord() { }

    /// <summary>First line. A version of any format must find these two fields.</summary>
    /// <param name="Format">Of this file.</param>
    /// <param name="BootId">The boot that everything after it belongs to.</param>
    public sealed record Open(int Format, string BootId) : JournalRecord;

    /// <summary>A function's driver and override before our first write.</summary>
    /// <param name="Driver">Null when it had none.</param>
    /// <param name="DriverOverride">Null when unset.</param>
    public sealed record RecordFunction(
        PciAddress Address,
        string? Driver,
        string? DriverOverride,
        [property: JsonPropertyName("policy")] string? PolicyUid
    ) : JournalRecord;

    /// <summary>The function is as it was, or gone.</summary>
    public sealed record ForgetFunction(PciAddress Address) : JournalRecord;

    /// <summary>A physical function's VF count and autoprobe before our first write.</summary>
    public sealed record RecordPhysicalFunction(
        PciAddress Address,
        [property: JsonPropertyName("policy")] string? PolicyUid,
        int NumVfs,
        bool Autoprobe
    ) : JournalRecord;

    /// <summary>Virtual functions are about to be made: from here until <see cref="CloseVfSetup"/> the autoprobe setting is ours.</summary>
    /// <param name="NumVfs">The number that the driver is asked for; null in what earlier versions have written.</param>
    public sealed record OpenVfSetup(PciAddress Address, int? NumVfs = null) : JournalRecord;

    /// <summary>They are made, and the host's autoprobe is back.</summary>
    /// <param name="NumVfs">The number that is there; null in what earlier versions have written.</param>
    public sealed record CloseVfSetup(PciAddress Address, int? NumVfs = null) : JournalRecord;

    public sealed record ForgetPhysicalFunction(PciAddress Address) : JournalRecord;

    /// <summary>
    /// A file of a device that is about to be written. Of one that is recorded already how it was before us stays, and what is asked is
    /// new.
    /// </summary>
    /// <param name="File">Below the device's directory.</param>
    /// <param name="Original">What is written to have it as it was; null where it cannot be read.</param>
    public sealed record RecordAttribute(
        [property: JsonPropertyName("address")] DeviceId Device,
        string File,
        string? Original,
        string Value,
        [property: JsonPropertyName("policy")] string PolicyUid
    ) : JournalRecord;

    /// <summary>The write has got through.</summary>
    /// <param name="Reads">What the file reads since; null where it cannot be read.</param>
    public sealed record ConfirmAttribute([property: JsonPropertyName("address")] DeviceId Device, string File, string? Reads)
        : JournalRecord;

    /// <summary>It is as it was, another's by now, or gone with its device.</summary>
    public sealed record ForgetAttribute([property: JsonPropertyName("address")] DeviceId Device, string File) : JournalRecord;

    /// <summary>A mediated device that is about to be made.</summary>
    /// <param name="Parent">Its name in <c>/sys/class/mdev_bus</c>.</param>
    public sealed record RecordMdev(MdevUuid Uuid, string Parent, string TypeId, [property: JsonPropertyName("policy")] string PolicyUid)
        : JournalRecord;

    /// <summary>It is made, and all that was to be written to it is.</summary>
    /// <param name="Attributes">That, as one text; there is no record where nothing was to be written.</param>
    public sealed record FinishMdev(MdevUuid Uuid, string Attributes) : JournalRecord;

    /// <summary>It is removed, or gone and not wanted any more.</summary>
    public sealed record ForgetMdev(MdevUuid Uuid) : JournalRecord;

    /// <summary>A virtual function that is about to be given a type of vGPU.</summary>
    /// <param name="TypeName">As its driver lists it; null where that is not known.</param>
    /// <param name="OfEarlierBoot">The kernel has forgotten it since: it tells for whom the function is. Null is false.</param>
    public sealed record RecordVgpu(
        PciAddress Address,
        string TypeId,
        string? TypeName,
        [property: JsonPropertyName("policy")] string PolicyUid,
        bool? OfEarlierBoot = null
    ) : JournalRecord;

    /// <summary>It has no type by us any more.</summary>
    public sealed record ForgetVgpu(PciAddress Address) : JournalRecord;

    /// <summary>A device that is about to be lent to a pod.</summary>
    /// <param name="Lent">What it calls itself, as a hand-out has it in the place of a driver.</param>
    /// <param name="Drivers">What the interfaces of a USB device have; null for a device of another class.</param>
    public sealed record RecordLoan(
        [property: JsonPropertyName("address")] DeviceId Device,
        string Lent,
        [property: JsonPropertyName("policy")] string PolicyUid,
        InterfaceDrivers? Drivers = null
    ) : JournalRecord;

    /// <summary>Nobody has it any more, and its drivers are back; or it is gone.</summary>
    public sealed record ForgetLoan([property: JsonPropertyName("address")] DeviceId Device) : JournalRecord;

    /// <summary>A device node's owner and mode before our first change.</summary>
    public sealed record RecordNode(string Path, int Uid, int Gid, int Mode) : JournalRecord;

    public sealed record ForgetNode(string Path) : JournalRecord;

    /// <summary>A device is broken and stays out of service until a reset proves the contrary.</summary>
    /// <param name="Fault">What is wrong with it, in words.</param>
    /// <param name="FatalErrors">Fatal errors that are known, as <c>aer_dev_fatal</c> counts them.</param>
    public sealed record RecordFault([property: JsonPropertyName("address")] DeviceId Device, string Fault, long FatalErrors)
        : JournalRecord;

    /// <summary>A reset proved the device: fatal errors up to here are past.</summary>
    public sealed record ClearFault([property: JsonPropertyName("address")] DeviceId Device, long FatalErrors) : JournalRecord;

    /// <summary>The device is gone; what comes to its place is new.</summary>
    public sealed record ForgetFault([property: JsonPropertyName("address")] DeviceId Device) : JournalRecord;

    /// <summary>What an earlier boot had in force, and nobody has confirmed in this one.</summary>
    /// <param name="Device">Null where it may have had nothing in force, which is something to know.</param>
    public sealed record InForceBefore([property: JsonPropertyName("address")] DeviceId? Device = null) : JournalRecord;

    /// <summary>The desired state was read from its source in this boot: what was in force before does not matter any more.</summary>
    public sealed record Confirm : JournalRecord;

    /// <summary>A write that is about to be made.</summary>
    /// <param name="Path">The file, as on the host.</param>
    /// <param name="At">When; null in what earlier versions have written, which pass it over.</param>
    public sealed record Write(string Path, string Value, DateTimeOffset? At = null) : JournalRecord;
}
