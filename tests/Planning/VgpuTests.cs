using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Mdev;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Virtual functions of an NVIDIA card that are given types of vGPU ("vendor VFIO").</summary>
public sealed partial class VgpuTests
{
    private const string Card = "0000:41:00.0";
    private static readonly string[] s_functions = ["0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:41:10.6"];
    private static readonly ImmutableArray<VgpuType> s_types = [new("1145", "NVIDIA L40S-1B"), new("1155", "NVIDIA L40S-8Q")];

    /// <summary>vfio-pci would refuse it after its driver is gone.</summary>
    [Theory]
    [InlineData(Binding.Static)]
    [InlineData(Binding.OnAllocate)]
    public void A_HostDevice_that_matches_such_a_function_takes_nothing_and_names_the_profile(Binding binding)
    {
        var policy = Given.HostDevice(
            selector: new PciSelector { Addresses = [PciAddress.Parse(s_functions[0])] },
            pci: p => p with { VirtualFunctions = true },
            spec: d => d with { Binding = binding, AcceptRisks = [Risks.SlowUnbind] }
        );
        var plan = Given.Input(L40s(), policy).Plan();
        Assert.Empty(plan.Lanes);
        Assert.Empty(plan.Units);
        Assert.Equal(
            $"{s_functions[0]} gets its types by vendor VFIO (nvidia/current_vgpu_type) and must stay on nvidia: offer it by a "
                + "MdevProfile, and take it out of this policy",
            Assert.Single(plan.Findings).Message
        );
    }

    [Theory]
    [InlineData("1155", null)]
    [InlineData(null, "NVIDIA L40S-8Q")]
    [InlineData(null, "L40S-8Q")]
    public void A_card_s_virtual_functions_are_given_the_type_and_keep_their_driver(string? id, string? name)
    {
        var plan = Given.Input(L40s(), Profile(type: id, name: name)).Plan();

        Assert.Equal(s_functions[..2], plan.Units.Select(u => u.Id.ToString()));
        Assert.All(
            plan.Units,
            u =>
                Assert.Equal(
                    ("1155", "nvidia"),
                    (((Handout.TypedFunction)u.Handout).TypeId, ((Handout.TypedFunction)u.Handout).Function.Driver)
                )
        );
        Assert.Equal(s_functions[..2].Select(f => $"give {f} the vGPU type 1155"), Steps(plan));
        Assert.True(plan.AsksForRoom);
    }

    [Theory]
    [InlineData("nvidia", false, "has no virtual functions, which are what a type is given to: make them with TOOL")]
    [InlineData(null, true, "has no driver, WAITS")]
    [InlineData("pci-pf-stub", true, "is on pci-pf-stub, WAITS")]
    public void Without_virtual_functions_the_vendor_s_tool_is_named_and_while_it_is_at_work_it_is_waited_for(
        string? driver,
        bool isWaited,
        string words
    )
    {
        const string tool = $"\"/usr/lib/nvidia/sriov-manage -e {Card}\"";
        var waits =
            "as while sriov-manage makes its virtual functions: it is waited for. If it stays so, load its driver and make them with "
            + tool;
        var plan = Given.Input(Bare(driver, 0), Profile()).Plan();

        var message = words.Replace("TOOL", tool, StringComparison.Ordinal).Replace("WAITS", waits, StringComparison.Ordinal);
        plan.Says(Card, isWaited ? FindingState.Waiting : FindingState.Blocked, Reasons.VfsMissing, $"{Card} {message}");
        Assert.Equal((0, 0), (plan.Lanes.Length, plan.Units.Length));
    }

    [Fact]
    public void Virtual_functions_that_are_not_on_the_vendor_s_driver_are_told_so() =>
        Given
            .Input(Bare("nvidia", 2), Profile())
            .Plan()
            .Refuses(
                Card,
                Reasons.VfsMissing,
                $"none of the 2 virtual functions of {Card} has a directory nvidia: give them to the driver nvidia of "
                    + "the vGPU host package; "
                    + $"where it has them, make them with \"/usr/lib/nvidia/sriov-manage -e {Card}\""
            );

    [Fact]
    public void A_type_that_an_idle_card_does_not_list_is_refused_and_one_that_a_used_card_does_not_list_has_no_room()
    {
        Given
            .Input(L40s(), Profile(type: "77"))
            .Plan()
            .Refuses(Card, Reasons.NoSuchType, $"{Card} has no type 77: it has 1145 (\"NVIDIA L40S-1B\"), 1155 (\"NVIDIA L40S-8Q\")");
        var plan = Given.Input(L40s(("0000:41:10.2", "1155")), Profile(type: "77")).Plan();
        plan.Says(
            Card,
            FindingState.Waiting,
            Reasons.NoRoom,
            $"{Card} has no room for 2 of the 2 devices of type 77, on its 4 virtual functions, and it has 1 of type 1155 that Hostdev did "
                + "not make (0000:41:10.2): remove some of those, or ask for fewer; what there is room for is offered"
        );
        Assert.Equal((0, 0, true), (plan.Lanes.Length, plan.Units.Length, plan.AsksForRoom));
    }

    [Fact]
    public void A_type_that_somebody_else_gave_is_no_slot_and_is_never_changed()
    {
        var profile = Profile(count: 4, type: "1155");
        var plan = Given.Input(L40s((s_functions[0], "1155")), profile).Plan();
        Assert.Equal(s_functions[1..], plan.Units.Select(u => u.Id.ToString()));
        Assert.DoesNotContain(Steps(plan), s => s.Contains(s_functions[0], StringComparison.Ordinal));

        // Also where we gave one before, in this boot, and somebody gave it another since: that is theirs, and ours is forgotten.
        var changed = Given.Input(L40s((s_functions[0], "1145"))) with
        {
            Ownership = Owns((s_functions[0], "1155", "gone")),
        };
        Assert.Equal([$"forget {s_functions[0]}"], Steps(changed.Plan()));

        // And where we gave the very same one before the machine booted.
        var owned = Owns((s_functions[0], "1155", "mdevprofile-vgpu"));
        var boot = Given.Input(L40s((s_functions[0], "1155"))) with { Ownership = Before(owned) };
        Assert.Empty(boot.Plan().Lanes);
    }

    [Fact]
    public void Ours_is_taken_back_when_nobody_wants_it_and_only_once_nobody_has_it()
    {
        var input = Given.Input(L40s((s_functions[1], "1155"))) with { Ownership = Owns((s_functions[1], "1155", "gone")) };
        Assert.Equal([$"take the vGPU type 1155 from {s_functions[1]}", $"forget {s_functions[1]}"], Steps(input.Plan()));
        Assert.Equal([PciAddress.Parse(s_functions[1])], input.Plan().Lanes[0].Steps[0].Step.MustBeFree.Select(d => d.AsPci!.Value));

        var used = (input with { Usage = Given.Users((s_functions[1], UserKind.Pod, "pod vms/a has it")) }).Plan();
        Assert.Empty(used.Lanes);
        used.Says(
            s_functions[1],
            FindingState.Releasing,
            Reasons.ReleaseWaits,
            $"the vGPU type of {s_functions[1]} is taken back as soon as it is let go; it is in use: pod vms/a has it"
        );
    }

    [Fact]
    public void What_cannot_be_read_is_left_as_it_is()
    {
        var inventory = L40s((s_functions[0], "1155"));
        var function = inventory.Functions[PciAddress.Parse(s_functions[0])];
        var unreadable = inventory with
        {
            Functions = inventory.Functions.SetItem(function.Address, function with { Vgpu = new Vgpu(null, []) { IsUnreadable = true } }),
        };
        var plan = (Given.Input(unreadable) with { Ownership = Owns((s_functions[0], "1155", "gone")) }).Plan();

        Assert.Empty(plan.Lanes);
        Assert.StartsWith(
            $"{s_functions[0]} is left as it is, because its type (nvidia/current_vgpu_type) cannot be read",
            plan.About(s_functions[0]).Message,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(s_functions[0], Given.Input(unreadable, Profile(count: 4)).Plan().Units.Select(u => u.Id.ToString()));
    }

    [Fact]
    public void Two_profiles_on_one_card_have_different_functions_and_what_one_has_it_keeps()
    {
        var first = Profile("first", count: 2, type: "1155", year: 2020);
        var second = Profile("second", count: 2, type: "1145", year: 2021);
        var plan = Given.Input(L40s(), first, second).Plan();
        Assert.Equal(4, plan.Units.Length);
        // One type is given on a card at a time: what it takes of the other's room is known afterwards.
        Assert.Equal(s_functions[..2].Select(f => $"give {f} the vGPU type 1155"), Steps(plan));

        var there = Given.Input(L40s((s_functions[0], "1145")), first, second) with
        {
            Ownership = Owns((s_functions[0], "1145", "mdevprofile-second")),
        };
        var units = there.Plan().Units.ToDictionary(u => u.Id.ToString(), u => u.Policy.Name);
        Assert.Equal("second", units[s_functions[0]]);
        Assert.Equal(["first", "first"], s_functions[1..3].Select(f => units[f]));
    }

    [Fact]
    public void After_a_boot_a_function_is_given_to_the_profile_that_had_it()
    {
        var (first, second) = (Profile("first", count: 1, year: 2020), Profile("second", count: 1, year: 2021));
        var owned = Before(Owns((s_functions[0], "1155", "mdevprofile-second"), (s_functions[3], "1155", "mdevprofile-first")));
        var units = (Given.Input(L40s(), first, second) with { Ownership = owned }).Plan().Units;
        Assert.Equal([(s_functions[0], "second"), (s_functions[3], "first")], units.Select(u => (u.Id.ToString(), u.Policy.Name)));
    }

    [Fact]
    public void On_demand_a_slot_without_room_says_who_has_it_and_while_nothing_may_be_written_none_is_given()
    {
        var onDemand = Profile(
            type: "1155",
            spec: s =>
                s with
                {
                    Instances = new MdevInstances { Mode = MdevMode.OnDemand, Max = 3 },
                }
        );
        var full = L40s(listed: [], types: (s_functions[3], "1155"));
        var plan = Given.Input(full, onDemand).Plan();
        Assert.Equal(3, plan.Units.Length);
        Assert.Empty(plan.Lanes);
        Assert.All(
            plan.Units,
            u =>
                Assert.Equal(
                    $"{Card} has no room for {u.Id} now, on its 4 virtual functions, and it has 1 of type 1155 that Hostdev did not make "
                        + $"({s_functions[3]}): it can be made when some of those are gone",
                    u.OnAllocate!.Obstacle!.Message
                )
        );

        var halted = Given.Input(L40s(), onDemand) with { Halt = Halt.Disabled("stop", "") };
        Assert.All(
            halted.Plan().Units,
            u => Assert.Equal((Reasons.Disabled, 0), (u.OnAllocate!.Obstacle!.Reason, u.OnAllocate.Steps.Length))
        );
        Assert.All(
            Given.Input(L40s(), onDemand).Plan().Units,
            u => Assert.IsType<PlanStep.GiveVgpuType>(Assert.Single(u.OnAllocate!.Steps))
        );
    }

    [Fact]
    public void Functions_that_are_not_alone_and_hosts_that_isolate_nothing_are_refused()
    {
        var shared = Given.Input(L40s(vfGroup: 77), Profile(count: 1)).Plan();
        Assert.Equal((0, 0), (shared.Lanes.Length, shared.Units.Length));
        shared.Says(
            s_functions[0],
            FindingState.Blocked,
            Reasons.VfsNotIsolated,
            $"{s_functions[0]} is in one IOMMU group with {string.Join(", ", s_functions[1..])}, and a group is given to one VM: "
                + "enable ACS in firmware, or use another slot"
        );

        var unsafeHost = L40s() with { Facts = L40s().Facts with { UnsafeInterruptsAllowed = true } };
        Assert.Equal(Risks.UnsafeInterrupts.Reason, Given.Input(unsafeHost, Profile(count: 1)).Plan().About(s_functions[0]).Reason);
        Assert.Single(
            Given.Input(unsafeHost, Profile(count: 1, spec: s => s with { AcceptRisks = [Risks.UnsafeInterrupts] })).Plan().Units
        );
    }

    [Theory]
    [InlineData(
        "10de:26b9",
        "nvidia",
        "\"/usr/lib/nvidia/sriov-manage -e 0000:41:00.0\" makes them, and a MdevProfile gives them their types of vGPU"
    )]
    [InlineData(
        "10de:26b9",
        "pci-pf-stub",
        "\"/usr/lib/nvidia/sriov-manage -e 0000:41:00.0\" makes them, and a MdevProfile gives them their types of vGPU"
    )]
    [InlineData(
        "10de:26b9",
        null,
        "\"/usr/lib/nvidia/sriov-manage -e 0000:41:00.0\" makes them, and a MdevProfile gives them their types of vGPU"
    )]
    [InlineData("1002:74a1", "gim", "gim makes them when it is loaded")]
    [InlineData("10de:26b9", "nouveau", null)]
    [InlineData("10de:26b9", "nova_core", null)]
    [InlineData("8086:56c0", "xe", null)]
    public void A_SriovPolicy_makes_no_functions_where_the_vendor_does_and_uses_those_that_are_there(
        string ids,
        string? driver,
        string? who
    )
    {
        var machine = Bare(driver, 0, ids);
        var owned = Given.Sriov(2, spec: s => s with { PhysicalFunctions = [new PfSelector { Addresses = [PciAddress.Parse(Card)] }] });
        var plan = Given.Input(machine, owned).Plan();
        if (who is null)
        {
            Assert.Contains(plan.Lanes.SelectMany(l => l.Steps), s => s.Step is PlanStep.SetNumVfs { NumVfs: 2 });
            return;
        }

        plan.Refuses(
            Card,
            Reasons.VendorMakesVfs,
            $"{Card} gets no virtual functions by management: Owned, its driver takes no number of them from the kernel: {who}. "
                + "Write management: External, or remove the policy"
        );
        var external = Given.Sriov(
            null,
            spec: s => s with { PhysicalFunctions = [new PfSelector { Addresses = [PciAddress.Parse(Card)] }] }
        );
        Assert.DoesNotContain(Given.Input(machine, external).Plan().Findings, f => f.Reason == Reasons.VendorMakesVfs);
    }

    [Fact]
    public void The_vendor_s_list_is_read_line_by_line_and_what_is_no_type_says_nothing() =>
        Assert.Equal(
            s_types,
            VgpuType.ParseList("ID    : vGPU Name\n1145  : NVIDIA L40S-1B\n\n: nothing\nabc : x\n12x : y\n99 :\n1155  : NVIDIA L40S-8Q\n")
        );

    private static List<string> Steps(Plan plan) =>
        [
            .. plan
                .Lanes.SelectMany(l => l.Steps)
                .Select(s =>
                    s.Step is PlanStep.Record { Entry: JournalRecord.ForgetVgpu f } ? $"forget {f.Address}" : StepWords.ToDo(s.Step)!
                ),
        ];

    private static Ownership Owns(params ReadOnlySpan<(string Function, string Type, string Policy)> owned)
    {
        var all = Ownership.None;
        foreach (var (function, type, policy) in owned)
        {
            var address = PciAddress.Parse(function);
            var name = s_types.FirstOrDefault(t => t.Id == type)?.Name;
            all = all with { Vgpus = all.Vgpus.Add(address, new OwnedVgpu(address, type, name, policy)) };
        }

        return all;
    }

    private static Ownership Before(Ownership owned) =>
        owned with
        {
            Vgpus = owned.Vgpus.ToImmutableSortedDictionary(v => v.Key, v => v.Value with { IsOfEarlierBoot = true }),
        };

    private static EffectivePolicy Profile(
        string policy = "vgpu",
        int count = 2,
        string? type = "1155",
        string? name = null,
        Func<MdevProfileSpec, MdevProfileSpec>? spec = null,
        int? year = null
    )
    {
        var whole = new MdevProfileSpec
        {
            ResourceName = ResourceName.Parse($"example.com/{policy}"),
            NodeSelector = new LabelSelector(),
            Parents = new MdevParents { Selectors = [new PciSelector { Addresses = [PciAddress.Parse(Card)] }], Names = ["mtty"] },
            TypeId = type,
            TypeName = name,
            Instances = new MdevInstances { Count = count },
        };
        return new EffectivePolicy(
            new DesiredPolicy.OfMdevProfile(Given.Identity("MdevProfile", policy, year), spec is null ? whole : spec(whole)),
            null
        );
    }

    /// <summary>An NVIDIA card on a driver, with virtual functions that have no directory of the vendor's.</summary>
    private static HostInventory Bare(string? driver, int vfs, string ids = "10de:26b9") =>
        new Machine()
            .PhysicalFunction(Card, vfs: vfs, driver: driver, vfDriver: "nvidia")
            .Change(Card, f => f with { Vendor = PciId.Parse(ids[..4]), Device = PciId.Parse(ids[5..]), ClassCode = 0x030200 });

    private static HostInventory L40s(params ImmutableArray<(string Function, string Type)> types) => L40s(s_types, null, types);

    /// <param name="listed">What can be created on a function without a type.</param>
    private static HostInventory L40s(
        ImmutableArray<VgpuType>? listed = null,
        int? vfGroup = null,
        params ImmutableArray<(string Function, string Type)> types
    )
    {
        var machine = new Machine()
            .PhysicalFunction(Card, vfs: 4, driver: "nvidia", vfDriver: "nvidia", vfGroup: vfGroup)
            .Change(Card, f => f with { Vendor = PciId.Parse("10de"), Device = PciId.Parse("26b9"), ClassCode = 0x030200 });
        foreach (var function in s_functions)
        {
            var type = types.Where(t => t.Function == function).Select(t => t.Type).FirstOrDefault();
            machine.Change(function, f => f with { Vgpu = new Vgpu(type, type is null ? listed ?? s_types : []) });
        }

        return machine;
    }
}
