using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Attributes;

namespace Hostdev.Planning;

/// <summary>One thing to do on the machine; nothing is left to decide when it is done. Steps that write do exactly one write(2).</summary>
public abstract record PlanStep
{
    private PlanStep() { }

    public static implicit operator PlanStep(JournalRecord entry) => new Record(entry);

    /// <summary>What is done something to; null for the journal's own steps.</summary>
    public abstract DeviceId? Device { get; }

    /// <summary>
    /// The devices that must be proven free, with the proof held, while this step is done: what the kernel would block on or not protect.
    /// </summary>
    public virtual ImmutableArray<DeviceId> MustBeFree => [];

    /// <summary>Uses that an admin allowed to be overridden: the proof passes over them.</summary>
    public virtual ImmutableArray<UserKind> MayBeUsed => [];

    /// <summary>
    /// Writes nothing: comes before the first write of a sequence, so that a user whom only the proof can meet (a disk that somebody claims
    /// without a name) is met while nothing was changed.
    /// </summary>
    public sealed record ProveFree(PciAddress Address, ImmutableArray<UserKind> Overridden) : PlanStep
    {
        public override DeviceId? Device => Address;

        /// <summary>Devices that go with it, and must be as free.</summary>
        public ImmutableArray<DeviceId> Carried { get; init; } = [];

        public override ImmutableArray<DeviceId> MustBeFree => [Address, .. Carried];

        public override ImmutableArray<UserKind> MayBeUsed => Overridden;
    }

    /// <summary>Puts one record into the journal; what the journal says of a thing already stays.</summary>
    public sealed record Record(JournalRecord Entry) : PlanStep
    {
        public override DeviceId? Device => null;
    }

    public sealed record SetAutoprobe(PciAddress PhysicalFunction, bool Autoprobe) : PlanStep
    {
        public override DeviceId? Device => PhysicalFunction;
    }

    /// <param name="VirtualFunctions">The virtual functions that exist and go with this write.</param>
    public sealed record SetNumVfs(PciAddress PhysicalFunction, int NumVfs, ImmutableArray<PciAddress> VirtualFunctions) : PlanStep
    {
        public override DeviceId? Device => PhysicalFunction;

        public override ImmutableArray<DeviceId> MustBeFree => [.. VirtualFunctions];
    }

    /// <param name="Driver">Null clears it.</param>
    public sealed record SetDriverOverride(PciAddress Address, string? Driver) : PlanStep
    {
        public override DeviceId? Device => Address;
    }

    public sealed record Unbind(PciAddress Address, string Driver, ImmutableArray<UserKind> Overridden) : PlanStep
    {
        public override DeviceId? Device => Address;

        /// <summary>Devices that go with it, and must be as free.</summary>
        public ImmutableArray<DeviceId> Carried { get; init; } = [];

        public override ImmutableArray<DeviceId> MustBeFree => [Address, .. Carried];

        public override ImmutableArray<UserKind> MayBeUsed => Overridden;
    }

    /// <summary>Resets the function by the best method the kernel knows for it. Done only when it answers afterwards.</summary>
    /// <param name="Group">All functions of its group that are no bridges: a reset of the slot or bus reaches them too.</param>
    public sealed record Reset(PciAddress Address, ImmutableArray<PciAddress> Group) : PlanStep
    {
        public override DeviceId? Device => Address;

        public override ImmutableArray<DeviceId> MustBeFree => [.. Group];
    }

    /// <summary>Makes a mediated device of a type on its parent.</summary>
    /// <param name="Parent">Its name in <c>/sys/class/mdev_bus</c>.</param>
    public sealed record CreateMdev(MdevUuid Uuid, string Parent, string TypeId) : PlanStep
    {
        public override DeviceId? Device => Uuid;
    }

    public sealed record RemoveMdev(MdevUuid Uuid) : PlanStep
    {
        public override DeviceId? Device => Uuid;

        public override ImmutableArray<DeviceId> MustBeFree => [Uuid];
    }

    /// <summary>
    /// Gives a virtual function a type, if it has none at that moment and the type is listed for it still: this alone is decided where it
    /// is done, because the answer is no older than the write. That it is ours is recorded between the two.
    /// </summary>
    /// <param name="TypeName">As the driver lists it; null where that is not known.</param>
    public sealed record GiveVgpuType(PciAddress Address, string TypeId, string? TypeName, string PolicyUid) : PlanStep
    {
        public override DeviceId? Device => Address;
    }

    /// <summary>Takes a type back that the virtual function has from us; any other that it has meanwhile stays.</summary>
    public sealed record TakeVgpuType(PciAddress Address, string TypeId) : PlanStep
    {
        public override DeviceId? Device => Address;

        public override ImmutableArray<DeviceId> MustBeFree => [Address];
    }

    /// <summary>Writes a file of a device, or sets what it has for a virtual function, and reads it back where it can be read.</summary>
    public sealed record SetAttribute(AttributeFile File, string Value) : PlanStep
    {
        public override DeviceId? Device => File.Device;

        /// <summary>What it reads before; null when that is not known.</summary>
        public string? Was { get; init; }

        /// <summary>It is as it was before us then.</summary>
        public bool Restores { get; init; }

        /// <summary>Devices that nobody may have while they are changed so.</summary>
        public ImmutableArray<DeviceId> Concerned { get; init; } = [];

        public override ImmutableArray<DeviceId> MustBeFree => Concerned;
    }

    /// <summary>
    /// Notes which drivers a device's parts have at this moment, before it is lent to a pod: this alone is read where it is done, because
    /// a driver may have come since the plan was made.
    /// </summary>
    /// <param name="Lent">The device, with what it calls itself.</param>
    public sealed record Lend(BoundDevice Lent, string PolicyUid, ImmutableArray<UserKind> Overridden) : PlanStep
    {
        public override DeviceId? Device => Lent.Device;

        /// <summary>Devices that are a part of it, or that it is a part of, and must be as free.</summary>
        public ImmutableArray<DeviceId> Others { get; init; } = [];

        public override ImmutableArray<DeviceId> MustBeFree => [Lent.Device, .. Others];

        public override ImmutableArray<UserKind> MayBeUsed => Overridden;
    }

    /// <summary>Lets the kernel find a driver for an interface of a USB device that has none.</summary>
    /// <param name="Interface">As sysfs names it: <c>1-4.2:1.0</c>.</param>
    /// <param name="ExpectedDriver">What it had; null when that is not known, and any outcome is right.</param>
    public sealed record ProbeInterface(UsbPort Port, string Interface, string? ExpectedDriver) : PlanStep
    {
        public override DeviceId? Device => Port;

        public override ImmutableArray<DeviceId> MustBeFree => [Port];

        /// <summary>What the host does with its other interfaces meanwhile does not matter to this one.</summary>
        public override ImmutableArray<UserKind> MayBeUsed =>
            [.. Enum.GetValues<UserKind>().Except([UserKind.Pod, UserKind.OpenNode, UserKind.Unknown])];
    }

    /// <summary>Lets the kernel find a driver.</summary>
    /// <param name="ExpectedDriver">What the driver link must show afterwards; null when any outcome is right.</param>
    public sealed record Probe(PciAddress Address, string? ExpectedDriver) : PlanStep
    {
        /// <summary>It had this driver, and was taken from it for a moment: it is bound again whatever came of that.</summary>
        public bool Again { get; init; }

        public override DeviceId? Device => Address;
    }
}
