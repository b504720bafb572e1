using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

public enum VfManagement
{
    /// <summary>Hostdev creates and removes the virtual functions.</summary>
    Owned,

    /// <summary>Somebody else does; Hostdev takes those that are there.</summary>
    External,
}

/// <summary>Spec of <c>SriovPolicy</c>: virtual functions, divided into pools.</summary>
public sealed record SriovPolicySpec : IPolicySpec
{
    public required LabelSelector NodeSelector { get; init; }

    public int Priority { get; init; }

    public Rollout? Rollout { get; init; }

    public Disruption Disruption { get; init; }

    public DeviceFile? DeviceFile { get; init; }

    public ImmutableArray<Risk>? AcceptRisks { get; init; }

    public ImmutableArray<Vmm>? VmmArguments { get; init; }

    /// <summary>OR-ed; each has at least one property.</summary>
    public required ImmutableArray<PfSelector> PhysicalFunctions { get; init; }

    public VfManagement Management { get; init; }

    /// <summary>
    /// How many virtual functions each matching physical function gets; required with <see cref="VfManagement.Owned"/>, absent with
    /// <see cref="VfManagement.External"/>.
    /// </summary>
    public int? NumVfs { get; init; }

    /// <summary>Overrides of the host's protections; only with explicit addresses.</summary>
    public ImmutableArray<Protection> AllowProtected
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>
    /// What is written to files of the functions, in order. Null where the field is absent, so that a version before reads what is kept on
    /// disk.
    /// </summary>
    public ImmutableArray<SriovAttribute>? Attributes { get; init; }

    /// <summary>Map by name. Virtual functions in no pool stay the host's.</summary>
    public ImmutableArray<VfPool> Pools
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public sealed record PfSelector
{
    public PciId? Vendor { get; init; }

    public PciId? Device { get; init; }

    public ImmutableArray<PciAddress> Addresses
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>Network interface names; any of them.</summary>
    public ImmutableArray<string> Interfaces
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public string? Driver { get; init; }
}

public sealed record VfPool
{
    public required string Name { get; init; }

    /// <summary>Ranges of VF indexes; none twice in one policy.</summary>
    public required ImmutableArray<VfRange> Vfs { get; init; }

    public DriverChoice Driver
    {
        get => field ?? DriverChoice.Vfio;
        init;
    }

    /// <summary>Only where the driver is a vfio driver.</summary>
    public ResourceName? ResourceName { get; init; }

    public IommuBackend IommuBackend { get; init; }

    /// <summary>Absent is <see cref="Kinds.Binding.Static"/>.</summary>
    public Binding? Binding { get; init; }

    /// <summary>As <see cref="PciDevices.Reset"/>.</summary>
    public ResetChoice? Reset { get; init; }

    /// <summary>Null leaves what the physical function's interface has for its virtual functions alone.</summary>
    public VfNetwork? Network { get; init; }
}
