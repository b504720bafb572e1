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

/// <summary>
/// Mediated devices on a graphics card that has its types on its virtual functions, as NVIDIA's Ampere boards do, and on mtty.
/// </summary>
public sealed class MdevTests
{
    private const string Card = "0000:41:00.0";
    private const string Foreign = "11111111-2222-8333-8444-555555555555";
    private static readonly PciSelector s_card = new() { Device = PciId.Parse("10c9") };

    [Fact]
    public void The_count_is_for_each_card_and_its_virtual_functions_are_filled_one_after_the_other()
    {
        var plan = Given.Input(Ampere(), Profile(count: 3)).Plan();

        Assert.Equal(3, plan.Units.Length);
        Assert.All(plan.Units, u => Assert.True(u.Id is DeviceId.OfMdev(var uuid) && uuid.IsHostdevs));
        var made = plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.CreateMdev>().ToList();
        Assert.Equal(["0000:41:10.0", "0000:41:10.2", "0000:41:10.4"], made.Select(m => m.Parent).Order(StringComparer.Ordinal));
        Assert.All(made, m => Assert.Equal("nvidia-105", m.TypeId));
        Assert.Equal(plan.UnitIds(), Given.Input(Ampere(), Profile(count: 3)).Plan().UnitIds());
        Assert.Equal((3, 0), (Assert.Single(plan.Policies).Matched, plan.Policies[0].Missing));
    }

    [Theory]
    [InlineData("NVIDIA A10-4Q")]
    [InlineData("A10-4Q")]
    public void A_type_s_name_may_leave_the_vendor_out(string name) =>
        Assert.Equal(
            "nvidia-105",
            Given
                .Input(Ampere(), Profile(spec: s => s with { TypeId = null, TypeName = name }))
                .Plan()
                .Units.Select(u => ((Handout.MediatedDevice)u.Handout).TypeId)
                .Distinct()
                .Single()
        );

    [Fact]
    public void What_is_there_stays_where_it_is_and_only_the_rest_is_made()
    {
        var first = Uuids(Given.Input(Ampere(), Profile()).Plan())[0];
        var there = new MdevDevice
        {
            Uuid = first,
            Parent = "0000:41:10.4",
            TypeId = "nvidia-105",
        };
        var plan = Given.Input(Ampere(there), Profile()).Plan();

        var step = Assert.Single(plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.CreateMdev>());
        Assert.NotEqual(first, step.Uuid);
        Assert.Equal(2, plan.Units.Length);
    }

    /// <summary>One of two is there, and of two more that are made on demand the card has room for one.</summary>
    [Fact]
    public void What_plan_and_explain_say_of_mediated_devices()
    {
        var made = new MdevDevice
        {
            Uuid = Uuids(Given.Input(Mtty(3), Profile("single", "mtty-1")).Plan())[0],
            Parent = "mtty",
            TypeId = "mtty-1",
            IommuGroup = 7,
        };
        var foreign = made with { Uuid = MdevUuid.Parse(Foreign), TypeId = "mtty-2" };
        var late = Profile(
            "dual",
            "mtty-2",
            spec: s =>
                s with
                {
                    Instances = new MdevInstances { Mode = MdevMode.OnDemand, Max = 2 },
                }
        );
        var input = Given.Input(Mtty(3, made, foreign), Profile("single", "mtty-1"), late) with
        {
            Usage = Given.Users((made.Uuid.ToString(), UserKind.Pod, "pod vms/a has it")),
        };
        var plan = input.Plan();
        Golden.MatchesWords("mdev-made", input, made.Uuid.ToString());
        string Explain(DeviceId id) => Golden.Explain(input, id.ToString());
        var slots = plan.Units.Where(u => u.OnAllocate is not null).ToList();
        Golden.Matches("mdev-slot-with-room.explain", Explain(slots.Single(u => u.OnAllocate!.Obstacle is null).Id));
        Golden.Matches("mdev-slot-without-room.explain", Explain(slots.Single(u => u.OnAllocate!.Obstacle is not null).Id));
        Golden.Matches("mdev-foreign.explain", Explain(foreign.Uuid));
        Assert.Null(Explain(MdevUuid.Parse("22222222-2222-8333-8444-555555555555")));

        var there = new MdevDevice
        {
            Uuid = MdevUuid.Parse(Foreign),
            Parent = "0000:41:10.4",
            TypeId = "nvidia-105",
        };
        Golden.MatchesWords("mdev-parent", Given.Input(Ampere(there), Profile()), "0000:41:10.4");
    }

    [Fact]
    public void A_type_for_another_bus_than_PCI_is_refused_by_its_name()
    {
        var plan = Given.Input(Ampere(api: "vfio-ap"), Profile()).Plan();

        plan.Says(
            Card,
            FindingState.Blocked,
            Reasons.NotSupported,
            "type nvidia-105 of 0000:41:10.0 makes devices for vfio-ap, and only those for vfio-pci can be given to a VM: "
                + "choose another type"
        );
        Assert.Empty(plan.Units);
    }

    [Fact]
    public void A_profile_with_attributes_of_before_is_refused_and_not_followed_without_them()
    {
        var profile = Profile(spec: s => s with { Attributes = s.Attributes.Add("frame_rate_limiter", "0") });
        var plan = Given.Input(Ampere(), profile).Plan();

        plan.Says(
            "MdevProfile/vgpu",
            FindingState.Blocked,
            Reasons.NotSupported,
            "MdevProfile/vgpu: spec.attributes has no order, and is not written: move what it says to spec.instances.attributes, "
                + "a list of file and value in the order of writing"
        );
        Assert.Equal((0, 0), (plan.Units.Length, plan.Lanes.Length));
    }

    [Fact]
    public void Two_types_of_one_parent_are_made_one_after_the_other()
    {
        var mtty = Mtty(24);
        var plan = Given.Input(mtty, Profile("dual", "mtty-2"), Profile("single", "mtty-1")).Plan();

        Assert.Equal(4, plan.Units.Length);
        Assert.Equal(
            ["mtty-2", "mtty-2"],
            plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.CreateMdev>().Select(s => s.TypeId)
        );
    }

    [Fact]
    public void A_whole_card_and_what_is_made_on_it_are_one_claim_whoever_comes_first()
    {
        var card = Given.HostDevice("card", s_card, p => p with { GroupPolicy = GroupPolicy.HoldSiblings }, year: 2020);
        var later = Given.Input(Ampere(), card, Profile()).Plan();
        Assert.Contains(later.Findings, f => f.Reason == Reasons.ClaimedByOther && f.Policy!.Kind == "MdevProfile");
        Assert.DoesNotContain(later.Units, u => u.Handout is Handout.MediatedDevice);

        var earlier = Given.Input(Ampere(), Profile(year: 2019), card).Plan();
        Assert.Equal(2, earlier.Units.Length);
        Assert.Contains(earlier.Findings, f => f.Reason == Reasons.ClaimedByOther && f.Policy!.Kind == "HostDevice");
    }

    [Fact]
    public void Ours_go_when_nobody_wants_them_also_without_a_journal_and_others_never()
    {
        var ours = MdevUuid.Made("some", "policy");
        var machine = Mtty(
            20,
            new MdevDevice
            {
                Uuid = ours,
                Parent = "mtty",
                TypeId = "mtty-2",
            },
            new MdevDevice
            {
                Uuid = MdevUuid.Parse(Foreign),
                Parent = "mtty",
                TypeId = "mtty-2",
            }
        );
        Assert.Equal(
            [ours],
            Given.Input(machine).Plan().Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.RemoveMdev>().Select(s => s.Uuid)
        );
        var used = Given.Input(machine) with { Usage = Given.Users((ours.ToString(), UserKind.Pod, "pod vms/a has it")) };
        Assert.Empty(used.Plan().Lanes);
        used.Plan()
            .Says(
                ours.ToString(),
                FindingState.Releasing,
                Reasons.ReleaseWaits,
                $"{ours} is removed as soon as it is let go; it is in use: pod vms/a has it"
            );
    }

    [Fact]
    public void What_is_on_a_parent_that_cannot_be_read_is_left_as_it_is()
    {
        var ours = MdevUuid.Made("some", "policy");
        var machine = Mtty(
            20,
            new MdevDevice
            {
                Uuid = ours,
                Parent = "mtty",
                TypeId = "mtty-2",
            }
        ) with
        {
            MdevParents = [],
        };
        var plan = Given.Input(machine, Profile("dual", "mtty-2")).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(Reasons.Unreadable, plan.About(ours.ToString()).Reason);
    }

    [Fact]
    public void After_a_boot_only_what_was_in_force_is_made_until_the_desired_state_is_confirmed()
    {
        var input = Given.Input(Mtty(24), Profile("dual", "mtty-2"));
        var before = Uuids(input.Plan())[0];
        var plan = (input with { RestoreOnly = [before] }).Plan();

        Assert.Equal([before], Uuids(plan));
        Assert.Equal([before], plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.CreateMdev>().Select(s => s.Uuid));
        Assert.Contains(plan.Findings, f => f.Reason == Reasons.Unconfirmed);
    }

    [Fact]
    public void What_the_journal_has_and_nobody_wants_or_sees_any_more_is_forgotten()
    {
        var gone = MdevUuid.Made("gone");
        var owned = Ownership.None with { Mdevs = Ownership.None.Mdevs.Add(gone, new OwnedMdev(gone, "mtty", "mtty-2", "x")) };
        var plan = (Given.Input(Mtty(24)) with { Ownership = owned }).Plan();

        Assert.Equal(new JournalRecord.ForgetMdev(gone), ((PlanStep.Record)Assert.Single(Assert.Single(plan.Lanes).Steps).Step).Entry);
    }

    [Fact]
    public void What_is_made_on_demand_is_offered_as_far_as_there_is_room_and_removed_when_nobody_has_it()
    {
        var profile = Profile(
            "dual",
            "mtty-2",
            spec: s =>
                s with
                {
                    Instances = new MdevInstances { Mode = MdevMode.OnDemand, Max = 3 },
                }
        );
        var plan = Given.Input(Mtty(4), profile).Plan();
        Assert.Equal((3, 0), (plan.Units.Length, plan.Lanes.Length));
        Assert.Equal([2, 2, 0], plan.Units.Select(u => u.OnAllocate!.Steps.Length).OrderDescending());
        Assert.Equal(
            "mtty has no room for "
                + $"{plan.Units.Single(u => u.OnAllocate!.Obstacle is not null).Id} now, and it has no mediated device, so its driver or "
                + "firmware holds the room back: it can be made when some of those are gone",
            plan.Units.Select(u => u.OnAllocate!.Obstacle?.Message).OfType<string>().Single()
        );

        var halted = (Given.Input(Mtty(4), profile) with { Halt = Halt.BootLoop("/boots.json", 2) }).Plan();
        Assert.All(halted.Units, u => Assert.Equal((0, Reasons.BootLoop), (u.OnAllocate!.Steps.Length, u.OnAllocate.Obstacle!.Reason)));

        var made = Uuids(plan)[0];
        var there = Given.Input(
            Mtty(
                2,
                new MdevDevice
                {
                    Uuid = made,
                    Parent = "mtty",
                    TypeId = "mtty-2",
                }
            ),
            profile
        );
        var steps = there.Plan().Lanes.SelectMany(l => l.Steps).Select(s => s.Step);
        Assert.Equal([made], steps.OfType<PlanStep.RemoveMdev>().Select(s => s.Uuid));
        var held = (there with { Usage = Given.Users((made.ToString(), UserKind.Pod, "pod vms/a has it")) }).Plan();
        Assert.Equal((0, 0), (held.Lanes.Length, held.Findings.Length));
    }

    [Fact]
    public void What_is_written_to_a_new_one_comes_before_anybody_may_use_it_and_the_journal_says_that_it_is_whole()
    {
        var plan = Given.Input(Mtty(4), With("mtty-2", ("assign_adapter", "5"), ("assign_adapter", "6"), ("assign_domain", "4"))).Plan();

        var steps = plan.Lanes.Single(l => l.Steps.Any(s => s.Step.Device == plan.Units[0].Id)).Steps.Select(s => s.Step).ToList();
        Assert.Equal(6, steps.Count);
        Assert.IsType<PlanStep.CreateMdev>(steps[1]);
        Assert.Equal(
            [("assign_adapter", "5"), ("assign_adapter", "6"), ("assign_domain", "4")],
            steps.OfType<PlanStep.SetAttribute>().Select(s => (s.File.Name, s.Value))
        );
        Assert.Equal(
            new JournalRecord.FinishMdev(Uuids(plan)[0], "assign_adapter=5\nassign_adapter=6\nassign_domain=4"),
            ((PlanStep.Record)steps[5]).Entry
        );
    }

    [Theory]
    [InlineData(null, false)] // a crash before all was written
    [InlineData("assign_domain=3", false)] // the profile has another one now
    [InlineData("assign_domain=4", true)]
    public void One_that_was_not_made_as_it_is_wanted_is_not_offered_and_goes_when_nobody_has_it(string? written, bool isWhole)
    {
        var profile = With("mtty-2", ("assign_domain", "4"));
        var uuid = Uuids(Given.Input(Mtty(2), profile).Plan())[0];
        var there = new MdevDevice
        {
            Uuid = uuid,
            Parent = "mtty",
            TypeId = "mtty-2",
        };
        var owned = new OwnedMdev(uuid, "mtty", "mtty-2", profile.Identity.Uid) { Attributes = written };
        var input = Given.Input(Mtty(0, there), profile) with
        {
            Ownership = Ownership.None with { Mdevs = Ownership.None.Mdevs.Add(uuid, owned) },
        };
        var plan = input.Plan();

        Assert.Equal(isWhole, plan.Units.Any(u => u.Id == (DeviceId)uuid));
        Assert.Equal(
            isWhole ? [] : [uuid],
            plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.RemoveMdev>().Select(s => s.Uuid)
        );
        var used = (input with { Usage = Given.Users((uuid.ToString(), UserKind.Pod, "pod vms/a has it")) }).Plan();
        Assert.Empty(used.Lanes);
        if (!isWhole)
        {
            Assert.Contains(
                used.Findings,
                f =>
                    f.State == FindingState.Waiting
                    && f.Message
                        == $"{uuid} was made with other attributes than the profile has now, or not to the end: it is made anew "
                            + "as soon as it is let go"
            );
        }
    }

    [Fact]
    public void As_many_as_there_is_room_for_are_made_and_no_more_is_no_lack()
    {
        var most = Profile("single", "mtty-1", spec: s => s with { Instances = new MdevInstances { Max = 8 } });
        var plan = Given.Input(Mtty(3), most).Plan();
        Assert.Equal((3, 3, 0), (plan.Units.Length, plan.Policies[0].Matched, plan.Policies[0].Missing));
        Assert.Empty(plan.Findings);

        // Another's took the room: those that are there stay, whichever of them.
        var there = new MdevDevice
        {
            Uuid = Uuids(plan)[2],
            Parent = "mtty",
            TypeId = "mtty-1",
        };
        var full = Given.Input(Mtty(0, there), most).Plan();
        Assert.Equal([there.Uuid], Uuids(full));
        Assert.Equal((0, 0, 1), (full.Lanes.Length, full.Findings.Length, full.Policies[0].Matched));

        // Room came: it is used, and what is there is the same.
        var more = Given.Input(Mtty(1, there), most).Plan();
        Assert.Equal((2, true), (more.Units.Length, Uuids(more).Contains(there.Uuid)));
        Assert.Single(more.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.CreateMdev>());

        var none = Given.Input(Mtty(0, there with { Uuid = MdevUuid.Parse(Foreign) }), most).Plan();
        Assert.Equal((0, 0, 0), (none.Units.Length, none.Findings.Length, none.Policies[0].Matched));
        Assert.Equal(
            $": mtty has no room for one of type mtty-1 now, and it has 1 of type mtty-1 that Hostdev did not make ({Foreign})",
            none.Policies[0].Hint
        );
    }

    private static EffectivePolicy With(string type, params ImmutableArray<(string File, string Value)> attributes) =>
        Profile(
            "dual",
            type,
            spec: s =>
                s with
                {
                    Instances = new MdevInstances
                    {
                        Count = 1,
                        Attributes = [.. attributes.Select(a => new FileValue { File = a.File, Value = a.Value })],
                    },
                }
        );

    private static ImmutableArray<MdevUuid> Uuids(Plan plan) => [.. plan.Units.Select(u => ((DeviceId.OfMdev)u.Id).Uuid)];

    private static EffectivePolicy Profile(
        string name = "vgpu",
        string type = "nvidia-105",
        int count = 2,
        Func<MdevProfileSpec, MdevProfileSpec>? spec = null,
        int? year = null
    )
    {
        var whole = new MdevProfileSpec
        {
            ResourceName = ResourceName.Parse($"example.com/{name}"),
            NodeSelector = new LabelSelector(),
            Parents = new MdevParents { Selectors = [s_card], Names = ["mtty"] },
            TypeId = type,
            Instances = new MdevInstances { Count = count },
        };
        return new EffectivePolicy(
            new DesiredPolicy.OfMdevProfile(Given.Identity("MdevProfile", name, year), spec is null ? whole : spec(whole)),
            null
        );
    }

    private static HostInventory Ampere(MdevDevice? there = null, string api = "vfio-pci") =>
        new Machine().PhysicalFunction(Card, vfs: 4, driver: "nvidia", vfDriver: "nvidia").Build() with
        {
            MdevParents =
            [
                .. new[] { "0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:41:10.6" }.Select(vf => new MdevParent
                {
                    Name = vf,
                    PciAddress = PciAddress.Parse(vf),
                    Types = [new MdevType("nvidia-105", "NVIDIA A10-4Q", there?.Parent == vf ? 0 : 1, api, null)],
                }),
            ],
            Mdevs = there is null ? [] : [there],
        };

    private static HostInventory Mtty(int room, params ImmutableArray<MdevDevice> there) =>
        new Machine().Build() with
        {
            MdevParents =
            [
                new MdevParent
                {
                    Name = "mtty",
                    Types =
                    [
                        new MdevType("mtty-1", "Single port serial", room, "vfio-pci", null),
                        new MdevType("mtty-2", "Dual port serial", room / 2, "vfio-pci", null),
                    ],
                },
            ],
            Mdevs = there,
        };

    [Fact]
    public void Two_profiles_of_one_PCI_card_have_both_theirs_when_those_are_made()
    {
        var bare = PciCard();
        var first = Given.Input(bare, OnCard("a", 2000), OnCard("b", 2001)).Plan();
        Assert.Equal(2, first.Units.Length);
        var made = first.Units.Select(u => new MdevDevice
        {
            Uuid = ((DeviceId.OfMdev)u.Id).Uuid,
            Parent = "0000:41:00.0",
            TypeId = "t-1",
        });
        var again = Given.Input(bare with { Mdevs = [.. made] }, OnCard("a", 2000), OnCard("b", 2001)).Plan();
        Assert.Empty(again.Lanes);
        Assert.Equal(2, again.Units.Length);
    }

    private static HostInventory PciCard() =>
        new Machine().PhysicalFunction("0000:41:00.0", vfs: 0, driver: "nvidia").Build() with
        {
            MdevParents =
            [
                new MdevParent
                {
                    Name = "0000:41:00.0",
                    PciAddress = PciAddress.Parse("0000:41:00.0"),
                    Types = [new MdevType("t-1", "T-1", 8, "vfio-pci", null)],
                },
            ],
        };

    private static EffectivePolicy OnCard(string name, int year) =>
        new(
            new DesiredPolicy.OfMdevProfile(
                Given.Identity("MdevProfile", name, year),
                new MdevProfileSpec
                {
                    ResourceName = ResourceName.Parse($"example.com/{name}"),
                    NodeSelector = new LabelSelector(),
                    Parents = new MdevParents { Selectors = [new() { Device = PciId.Parse("10c9") }], Names = [] },
                    TypeId = "t-1",
                    Instances = new MdevInstances { Count = 1 },
                }
            ),
            null
        );
}
