using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>One thing to do on the machine; nothing is left to decide when it is done. Steps that write do exactly one write(2).</summary>
public abstract record PlanStep
{
    private PlanStep()
    {
    }

    /// <summary>The devices that must be proven free, with the proof held, while this step is done: what the kernel would block on or not protect.</summary>
    public virtual ImmutableArray<DeviceId> MustBeFree => [];

    /// <summary>Uses that an admin allowed to be overridden: the proof passes over them.</summary>
    public virtual ImmutableArray<UserKind> MayBeUsed => [];

    /// <summary>
    /// Writes nothing: comes before the first write of a sequence, so that a user whom only the proof can meet (a disk that somebody claims without a name) is met while nothing was
    /// changed.
    /// </summary>
    public sealed record ProveFree(PciAddress Address, ImmutableArray<UserKind> Overridden) : PlanStep
    {
        /// <summary>Devices that go with it, and must be as free.</summary>
        public ImmutableArray<DeviceId> Carried { get; init; } = [];

        public override ImmutableArray<DeviceId> MustBeFree => [Address, .. Carried];

        public override ImmutableArray<UserKind> MayBeUsed => Overridden;
    }

    /// <summary>Writes to the journal how the function is now, before the first change. Does nothing when the journal has it.</summary>
    public sealed record RecordFunction(PciAddress Address, string? Driver, string? DriverOverride, string PolicyUid) : PlanStep;

    /// <summary>Writes to the journal how the physical function's SR-IOV is now. Does nothing when the journal has it.</summary>
    public sealed record RecordPhysicalFunction(PciAddress Address, int NumVfs, bool Autoprobe, string PolicyUid) : PlanStep;

    /// <summary>From here until <see cref="CloseVfSetup"/> the autoprobe setting is ours.</summary>
    /// <param name="NumVfs">The number that the driver is asked for.</param>
    public sealed record OpenVfSetup(PciAddress PhysicalFunction, int? NumVfs = null) : PlanStep;

    /// <param name="NumVfs">The number that is there.</param>
    public sealed record CloseVfSetup(PciAddress PhysicalFunction, int? NumVfs = null) : PlanStep;

    /// <summary>The function is as it was, or gone: the journal lets go of it.</summary>
    public sealed record ForgetFunction(PciAddress Address) : PlanStep;

    public sealed record ForgetPhysicalFunction(PciAddress Address) : PlanStep;

    public sealed record SetAutoprobe(PciAddress PhysicalFunction, bool Autoprobe) : PlanStep;

    /// <param name="VirtualFunctions">The virtual functions that exist and go with this write.</param>
    public sealed record SetNumVfs(PciAddress PhysicalFunction, int NumVfs, ImmutableArray<PciAddress> VirtualFunctions) : PlanStep
    {
        public override ImmutableArray<DeviceId> MustBeFree => [.. VirtualFunctions];
    }

    /// <param name="Driver">Null clears it.</param>
    public sealed record SetDriverOverride(PciAddress Address, string? Driver) : PlanStep;

    public sealed record Unbind(PciAddress Address, string Driver, ImmutableArray<UserKind> Overridden) : PlanStep
    {
        /// <summary>Devices that go with it, and must be as free.</summary>
        public ImmutableArray<DeviceId> Carried { get; init; } = [];

        public override ImmutableArray<DeviceId> MustBeFree => [Address, .. Carried];

        public override ImmutableArray<UserKind> MayBeUsed => Overridden;
    }

    /// <summary>From here on the function is out of service.</summary>
    public sealed record RecordFault(PciAddress Address, string Fault, long FatalErrors) : PlanStep;

    /// <summary>Resets the function by the best method the kernel knows for it. Done only when it answers afterwards.</summary>
    /// <param name="Group">All functions of its group that are no bridges: a reset of the slot or bus reaches them too.</param>
    public sealed record Reset(PciAddress Address, ImmutableArray<PciAddress> Group) : PlanStep
    {
        public override ImmutableArray<DeviceId> MustBeFree => [.. Group];
    }

    /// <summary>The function is in service again.</summary>
    public sealed record ClearFault(PciAddress Address, long FatalErrors) : PlanStep;

    /// <summary>The function is gone; what comes to its address is new.</summary>
    public sealed record ForgetFault(PciAddress Address) : PlanStep;

    /// <summary>Lets the kernel find a driver.</summary>
    /// <param name="ExpectedDriver">What the driver link must show afterwards; null when any outcome is right.</param>
    public sealed record Probe(PciAddress Address, string? ExpectedDriver) : PlanStep;
}
