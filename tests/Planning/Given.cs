using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Tests.Planning;

/// <summary>What planning is given, in few words.</summary>
internal static class Given
{
    public static PlanningInput Input(HostInventory inventory, params ReadOnlySpan<EffectivePolicy> policies) =>
        new()
        {
            Inventory = inventory,
            Policies = [.. policies],
            Usage = HostUsage.Nobody,
            Ownership = Ownership.None,
        };

    public static Plan Plan(this PlanningInput input) => Planner.Plan(input);

    /// <summary>A HostDevice named <paramref name="name"/> that offers <c>example.com/NAME</c>; by default NVIDIA GPUs.</summary>
    public static EffectivePolicy HostDevice(
        string name = "gpus",
        PciSelector? selector = null,
        Func<PciDevices, PciDevices>? pci = null,
        Func<HostDeviceSpec, HostDeviceSpec>? spec = null,
        int? year = null
    )
    {
        var devices = new PciDevices { Selectors = [selector ?? new PciSelector { Device = PciId.Parse("2204") }] };
        var whole = new HostDeviceSpec
        {
            ResourceName = ResourceName.Parse($"example.com/{name}"),
            NodeSelector = new LabelSelector(),
            Devices = new DeviceSource { Pci = pci is null ? devices : pci(devices) },
        };
        return new EffectivePolicy(
            new DesiredPolicy.OfHostDevice(Identity("HostDevice", name, year), spec is null ? whole : spec(whole)),
            null
        );
    }

    /// <summary>A SriovPolicy that gives each igb function <paramref name="numVfs"/> VFs (null: management External), all in one pool
    /// unless told.</summary>
    public static EffectivePolicy Sriov(
        int? numVfs,
        string name = "nics",
        ImmutableArray<VfPool>? pools = null,
        Func<SriovPolicySpec, SriovPolicySpec>? spec = null,
        int? year = null
    )
    {
        var whole = new SriovPolicySpec
        {
            NodeSelector = new LabelSelector(),
            PhysicalFunctions = [new PfSelector { Vendor = PciId.Parse("8086"), Device = PciId.Parse("10c9") }],
            Management = numVfs is null ? VfManagement.External : VfManagement.Owned,
            NumVfs = numVfs,
            Pools = pools ?? [Pool("all", 0, 63)],
        };
        return new EffectivePolicy(
            new DesiredPolicy.OfSriovPolicy(Identity("SriovPolicy", name, year), spec is null ? whole : spec(whole)),
            null
        );
    }

    public static VfPool Pool(string name, int first, int last, DriverType driver = DriverType.Vfio) =>
        new()
        {
            Name = name,
            Vfs = [new VfRange(first, last)],
            Driver = new DriverChoice { Type = driver },
            ResourceName = driver == DriverType.Native ? null : ResourceName.Parse($"example.com/vf-{name}"),
        };

    public static PolicyIdentity Identity(string kind, string name, int? year = null) =>
        new(kind, name, $"{kind}-{name}".ToLowerInvariant(), 1, year is { } y ? new DateTimeOffset(y, 1, 1, 0, 0, 0, TimeSpan.Zero) : null);

    /// <summary>The policy in a newer version that this agent does not understand; what was in force before stays with it.</summary>
    public static EffectivePolicy Frozen(this EffectivePolicy policy)
    {
        var identity = policy.Identity with { Generation = policy.Identity.Generation + 1 };
        return policy with
        {
            Frozen = new DesiredPolicy.Frozen(identity, Reasons.UnsupportedField, $"{identity}: this version does not know spec.shiny"),
        };
    }

    public static HostUsage Users(params ReadOnlySpan<(string Address, UserKind Kind, string Description)> users)
    {
        var byDevice = ImmutableSortedDictionary<DeviceId, ImmutableArray<DeviceUser>>.Empty;
        foreach (var (address, kind, description) in users)
        {
            var key = DeviceId.Parse(address);
            byDevice = byDevice.SetItem(key, byDevice.GetValueOrDefault(key, []).Add(new DeviceUser(kind, description)));
        }

        return new HostUsage(byDevice);
    }

    public static Ownership Owns(
        this Ownership ownership,
        string address,
        string? driver,
        string? @override = null,
        string policy = "hostdevice-gpus"
    ) =>
        ownership with
        {
            Functions = ownership.Functions.Add(
                PciAddress.Parse(address),
                new OwnedFunction(PciAddress.Parse(address), driver, @override, policy)
            ),
        };

    /// <param name="asked">The number its driver was asked for; with <paramref name="made"/> absent in what earlier versions have
    /// written.</param>
    /// <param name="made">The number that was there when the setup was closed.</param>
    public static Ownership OwnsVfsOf(
        this Ownership ownership,
        string address,
        bool setupOpen = false,
        bool autoprobe = true,
        int numVfs = 0,
        string policy = "sriovpolicy-nics",
        int? asked = null,
        int? made = null
    )
    {
        var pf = new OwnedPhysicalFunction(PciAddress.Parse(address), numVfs, autoprobe, policy, setupOpen) { Asked = asked, Made = made };
        return ownership with { PhysicalFunctions = ownership.PhysicalFunctions.Add(pf.Address, pf) };
    }

    public static ImmutableDictionary<Purpose, Setback> Setback(
        string purpose,
        Reason? reason = null,
        string message = "it did not bind"
    ) => ImmutableDictionary<Purpose, Setback>.Empty.Add(Purpose.Parse(purpose), new Setback(reason ?? Reasons.StepFailed, message));
}
