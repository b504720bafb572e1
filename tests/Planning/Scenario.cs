using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.Tests.Planning;

internal enum Hardware
{
    Gpu,
    GpuWithAudio,
    GpuWithBystander,
    GpuBehindBridge,
    TwinGpus,
    Nic,
    NicWithoutIsolation,
    DualNic,
}

/// <summary>One slot of a machine, on a bus of its own.</summary>
/// <param name="Bus">Where it is; slots with the same bus are the same slot.</param>
/// <param name="Vfs">Virtual functions that are there from the start, on physical functions.</param>
internal sealed record Slot(Hardware Hardware, int Bus, bool Bound, bool Odd, int Vfs);

/// <summary>One policy that somebody wishes.</summary>
/// <param name="Target">Which slot it names when it names one; else its selectors are ids.</param>
/// <param name="Number">VFs, and how pools divide them.</param>
internal sealed record Wish(
    bool Sriov,
    int Target,
    bool ByAddress,
    int Priority,
    int Group,
    int Name,
    int Number,
    bool Frozen,
    bool Override
)
{
    private static readonly ImmutableArray<string> Names = ["example.com/a", "example.com/b", "example.com/b.x", "example.com/b_x"];

    public EffectivePolicy ToPolicy(int index)
    {
        var name = $"p{index}";
        ImmutableArray<Protection> allowed = Override && ByAddress ? [Protection.Storage, Protection.Network] : [];
        var pf = PciAddress.Parse($"0000:{Target:x2}:00.0");
        var policy = Sriov
            ? Given.Sriov(
                Number > 6 ? null : Number,
                name,
                Pools(),
                s =>
                    s with
                    {
                        Priority = Priority,
                        AllowProtected = allowed,
                        Disruption = Group == 0 ? Disruption.Cordon : Disruption.WhenIdle,
                        PhysicalFunctions = ByAddress
                            ? [new PfSelector { Addresses = [pf, pf with { Function = 1 }] }]
                            : s.PhysicalFunctions,
                    }
            )
            : Given.HostDevice(
                name,
                pci: p =>
                    p with
                    {
                        Selectors = ByAddress
                            ? [new PciSelector { Addresses = [pf] }]
                            : [new PciSelector { Vendor = PciId.Parse(Number % 3 == 0 ? "8086" : "10de") }],
                        GroupPolicy = (GroupPolicy)Group,
                        Members = Group == 0 && Number % 2 == 0 ? [new GroupMember { Function = 1, Assigned = Number > 3 }] : [],
                        VirtualFunctions = Number == 3,
                        Driver = new DriverChoice { Type = Number == 5 ? DriverType.Auto : DriverType.Vfio },
                    },
                spec: s =>
                    s with
                    {
                        Priority = Priority,
                        AllowProtected = allowed,
                        ResourceName = ResourceName.Parse(Names[Name]),
                        Devices = Number % 4 == 2 ? Together(s.Devices.Pci!) : s.Devices,
                    }
            );
        return Frozen ? policy.Frozen() : policy;
    }

    /// <summary>What is selected, together with a NIC.</summary>
    private static DeviceSource Together(PciDevices pci) =>
        new()
        {
            Group = new DeviceGroup
            {
                Within = Nearness.Machine,
                Members =
                [
                    new DeviceGroupMember { Name = "first", Pci = pci },
                    new DeviceGroupMember
                    {
                        Name = "nic",
                        Pci = new PciDevices
                        {
                            Selectors = [new PciSelector { Vendor = PciId.Parse("8086") }],
                            GroupPolicy = GroupPolicy.HoldSiblings,
                        },
                    },
                ],
            },
        };

    private ImmutableArray<VfPool> Pools() =>
        Group switch
        {
            0 => [Given.Pool("one", 0, 63) with { ResourceName = ResourceName.Parse(Names[Name]) }],
            1 =>
            [
                Given.Pool("one", 0, Number % 4) with
                {
                    ResourceName = ResourceName.Parse(Names[Name]),
                },
                Given.Pool("host", 1 + Number % 4, 63, DriverType.Native),
            ],
            _ => [],
        };
}

/// <summary>Somebody who uses a function.</summary>
internal sealed record Use(int Bus, int Function, UserKind Kind);

/// <summary>
/// A machine, what is wanted of it first and later, who uses it meanwhile, and after how many steps of each plan the agent dies.
/// </summary>
internal sealed record Scenario(
    ImmutableArray<Slot> Slots,
    ImmutableArray<Wish> First,
    ImmutableArray<Wish> Second,
    ImmutableArray<Use> Uses,
    ImmutableArray<int> Crashes
)
{
    public static Arbitrary<Scenario> Any { get; } = Arb.From(Generator(), Smaller);

    public ImmutableArray<EffectivePolicy> Before => [.. First.Select((w, i) => w.ToPolicy(i))];

    public ImmutableArray<EffectivePolicy> After => [.. Second.Select((w, i) => w.ToPolicy(i))];

    public HostInventory Machine() => Slots.DistinctBy(s => s.Bus).Aggregate(new Machine(), Add);

    public ImmutableDictionary<PciAddress, int> SharedVfGroups() =>
        Slots
            .DistinctBy(s => s.Bus)
            .Where(s => s.Hardware == Hardware.NicWithoutIsolation)
            .ToImmutableDictionary(s => PciAddress.Parse($"0000:{s.Bus:x2}:00.0"), s => 500 + s.Bus);

    /// <summary>Who uses what of what is there now.</summary>
    public HostUsage UsageOf(HostInventory now)
    {
        var users = Uses.Select(u =>
                (Function: now.Functions.Values.Where(f => f.Address.Bus == u.Bus && !f.IsBridge).Skip(u.Function).FirstOrDefault(), u.Kind)
            )
            .Where(u => u.Function is not null);
        return Given.Users([.. users.Select(u => (u.Function!.Address.ToString(), u.Kind, $"{u.Kind} of {u.Function.Address}"))]);
    }

    public override string ToString() =>
        string.Join(
            '\n',
            [
                $"{Slots.Length} slots:",
                .. Slots.Select(s => $"  {s}"),
                "first:",
                .. First.Select(w => $"  {w}"),
                "then:",
                .. Second.Select(w => $"  {w}"),
                "uses:",
                .. Uses.Select(u => $"  {u}"),
                $"crashes: {string.Join(' ', Crashes)}",
            ]
        );

    private static Gen<Scenario> Generator()
    {
        var flag = Gen.Elements(true, false);
        var seldom = Gen.Frequency((1, Gen.Constant(true)), (9, Gen.Constant(false)));
        var bus = Gen.Choose(0x40, 0x43);
        var slot =
            from hardware in Gen.Elements(Enum.GetValues<Hardware>())
            from place in bus
            from bound in Gen.Frequency((5, Gen.Constant(true)), (1, Gen.Constant(false)))
            from odd in seldom
            from vfs in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(1, 3)))
            select new Slot(hardware, place, bound, odd, vfs);
        var wish =
            from sriov in flag
            from target in bus
            from byAddress in flag
            from priority in Gen.Choose(0, 1)
            from grouping in Gen.Choose(0, 2)
            from name in Gen.Frequency((6, Gen.Choose(0, 1)), (1, Gen.Choose(2, 3)))
            from number in Gen.Choose(0, 7)
            from frozen in seldom
            from overriding in flag
            select new Wish(sriov, target, byAddress, priority, grouping, name, number, frozen, overriding);
        var use =
            from place in bus
            from function in Gen.Choose(0, 3)
            from kind in Gen.Elements(
                UserKind.Pod,
                UserKind.VfioHolder,
                UserKind.OpenNode,
                UserKind.Mount,
                UserKind.NetworkAddress,
                UserKind.Console
            )
            select new Use(place, function, kind);
        return from slots in Some(slot, 1, 4)
            from first in Some(wish, 0, 3)
            from second in Some(wish, 0, 3)
            from uses in Some(use, 0, 3)
            from crashes in Some(Gen.Choose(0, 12), 0, 3)
            select new Scenario(slots, first, second, uses, crashes);
    }

    private static Gen<ImmutableArray<T>> Some<T>(Gen<T> gen, int least, int most) =>
        from count in Gen.Choose(least, most)
        from items in gen.ListOf(count)
        select items.ToImmutableArray();

    private static IEnumerable<Scenario> Smaller(Scenario s) =>
        [
            .. Without(s.Slots).Select(x => s with { Slots = x }),
            .. Without(s.First).Select(x => s with { First = x }),
            .. Without(s.Second).Select(x => s with { Second = x }),
            .. Without(s.Uses).Select(x => s with { Uses = x }),
            .. Without(s.Crashes).Select(x => s with { Crashes = x }),
        ];

    private static IEnumerable<ImmutableArray<T>> Without<T>(ImmutableArray<T> items) =>
        Enumerable.Range(0, items.Length).Select(items.RemoveAt);

    private static Machine Add(Machine machine, Slot slot)
    {
        string At(int function) => $"0000:{slot.Bus:x2}:00.{function}";
        var gpu =
            slot.Bound ? "nouveau"
            : slot.Odd ? "vfio-pci"
            : null;
        var nic = slot.Bound ? "igb" : null;
        // A VF without a driver under autoprobe would get one when it is given back: only what the host itself would make is generated.
        var vfs = slot.Bound ? slot.Vfs : 0;
        var vfDriver = slot.Odd ? null : "igbvf";
        return slot.Hardware switch
        {
            Hardware.Gpu => machine.Gpu(At(0), slot.Bus, gpu, slot.Odd),
            Hardware.GpuWithAudio => machine.Gpu(At(0), slot.Bus, gpu, slot.Odd).Audio(At(1), slot.Bus, slot.Odd ? null : "snd_hda_intel"),
            // Function 0 is nobody's; with a driver it is a device like others.
            Hardware.GpuWithBystander => machine
                .Function(At(0), slot.Bus, slot.Odd ? "some_driver" : null, "1022:1485", 0x130000)
                .Gpu(At(1), slot.Bus, gpu),
            Hardware.GpuBehindBridge => machine.Bridge(At(0), slot.Bus, slot.Odd ? "shpchp" : "pcieport").Gpu(At(1), slot.Bus, gpu),
            Hardware.TwinGpus => machine.Gpu(At(0), slot.Bus, gpu).Gpu(At(1), slot.Bus, gpu),
            Hardware.Nic => machine.PhysicalFunction(At(0), slot.Bus, 4, vfs, !slot.Odd, nic, vfDriver),
            Hardware.NicWithoutIsolation => machine.PhysicalFunction(At(0), slot.Bus, 4, vfs, !slot.Odd, nic, vfDriver, 500 + slot.Bus),
            _ => machine
                .PhysicalFunction(At(0), slot.Bus, 4, vfs, !slot.Odd, nic, vfDriver)
                .PhysicalFunction(At(1), slot.Bus, 4, 0, !slot.Odd, nic),
        };
    }
}
