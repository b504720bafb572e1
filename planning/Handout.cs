using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning;

/// <summary>
/// What a VM gets of a unit, by its class. Four places ask which one it is: how it stands on the machine (Offering, from an inventory;
/// Allocating, read just now), what the container is told, and where it lies for preferred allocation.
/// </summary>
public abstract record Handout
{
    private Handout() { }

    public abstract DeviceId Device { get; }

    public abstract ImmutableArray<DeviceId> Claims { get; }

    /// <summary>The devices that a VM is given, the one that it is told of first, with the drivers that they are to have.</summary>
    public abstract ImmutableArray<BoundDevice> Drivers { get; }

    /// <summary>What was handed out when these were given; all nodes count as wanted.</summary>
    /// <param name="given">As <see cref="Drivers"/> was then.</param>
    public static Handout OfGiven(ImmutableArray<BoundDevice> given) =>
        given[0].Device switch
        {
            DeviceId.OfPci(var function) when TypedDriver.TryParse(given[0].Driver) is { } typed => new TypedFunction
            {
                Function = new UnitMember(function, typed.Driver),
                TypeId = typed.TypeId,
            },
            DeviceId.OfPci(var primary) => new VfioGroup
            {
                Primary = primary,
                Assigned = [.. given.Select(g => new UnitMember(((DeviceId.OfPci)g.Device).Address, g.Driver))],
                Held = [],
                IommuBackend = IommuBackend.LegacyAndCdev,
            },
            DeviceId.OfUsb(var port) when UsbIdentity.TryParse(given[0].Driver, out var identity) => new UsbNode
            {
                Port = port,
                Identity = identity,
            },
            DeviceId.OfScsi(var disk) => new ScsiNode { Disk = disk, Name = given[0].Driver },
            DeviceId.OfMdev(var uuid) => new MediatedDevice { Uuid = uuid, TypeId = given[0].Driver },
            var other => throw new FormatException($"{other} was never given with a driver"),
        };

    /// <summary>An IOMMU group by VFIO, or the several of a device group: all of it, or nothing.</summary>
    public sealed record VfioGroup : Handout
    {
        /// <summary>The function that KubeVirt's env names: the lowest assigned one that the policy's selectors match.</summary>
        public required PciAddress Primary { get; init; }

        /// <summary>
        /// What the VM gets, <see cref="Primary"/> included, ordered; what has another IOMMU group than that comes after it, in the order
        /// of its policy.
        /// </summary>
        public required ImmutableArray<UnitMember> Assigned { get; init; }

        /// <summary>What is taken from the host and kept from the VM, ordered.</summary>
        public required ImmutableArray<UnitMember> Held { get; init; }

        public required IommuBackend IommuBackend { get; init; }

        public IEnumerable<UnitMember> Members => Assigned.Concat(Held);

        public override DeviceId Device => Primary;

        public override ImmutableArray<DeviceId> Claims => [.. Members.Select(m => (DeviceId)m.Address)];

        public override ImmutableArray<BoundDevice> Drivers => [.. Assigned.Select(m => new BoundDevice(m.Address, m.Driver))];
    }

    /// <summary>
    /// A virtual function as its driver offers it to VFIO, with the type that it was given: alone in its group, and never taken from that
    /// driver.
    /// </summary>
    public sealed record TypedFunction : Handout
    {
        public required UnitMember Function { get; init; }

        public required string TypeId { get; init; }

        /// <summary>The same as what VFIO makes of every function.</summary>
        public VfioGroup Group =>
            new()
            {
                Primary = Function.Address,
                Assigned = [Function],
                Held = [],
                IommuBackend = IommuBackend.LegacyAndCdev,
            };

        public override DeviceId Device => Function.Address;

        public override ImmutableArray<DeviceId> Claims => [Function.Address];

        public override ImmutableArray<BoundDevice> Drivers =>
            [new BoundDevice(Function.Address, new TypedDriver(Function.Driver, TypeId).ToString())];
    }

    /// <summary>A mediated device, by VFIO: its own group's node, and its own where the host has one.</summary>
    public sealed record MediatedDevice : Handout
    {
        public required MdevUuid Uuid { get; init; }

        /// <summary>What it is: it stands in the place of a driver, for it has no other while it is there.</summary>
        public required string TypeId { get; init; }

        public override DeviceId Device => Uuid;

        public override ImmutableArray<DeviceId> Claims => [Uuid];

        public override ImmutableArray<BoundDevice> Drivers => [new BoundDevice(Uuid, TypeId)];
    }

    /// <summary>What is in a USB socket, by its own node.</summary>
    public sealed record UsbNode : Handout
    {
        public required UsbPort Port { get; init; }

        /// <summary>Which device it is: it stands in the place of a driver, because it must be the same one still.</summary>
        public required UsbIdentity Identity { get; init; }

        public override DeviceId Device => Port;

        public override ImmutableArray<DeviceId> Claims => [Port];

        public override ImmutableArray<BoundDevice> Drivers => [new BoundDevice(Port, Identity.ToString())];
    }

    /// <summary>A SCSI device, by its generic node, and its block node where it has one.</summary>
    public sealed record ScsiNode : Handout
    {
        public required ScsiDisk Disk { get; init; }

        /// <summary>What it calls itself: it stands in the place of a driver.</summary>
        public required string Name { get; init; }

        public override DeviceId Device => Disk;

        public override ImmutableArray<DeviceId> Claims => [Disk];

        public override ImmutableArray<BoundDevice> Drivers => [new BoundDevice(Disk, Name)];
    }
}

/// <param name="Driver">The driver it is to have.</param>
public sealed record UnitMember(PciAddress Address, string Driver);
