using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class PrecedenceAndClaimTests
{
    private static readonly PciSelector Nic = new() { Device = PciId.Parse("10c9") };

    [Fact]
    public void The_higher_priority_has_the_device_and_the_other_is_told_by_whom()
    {
        var plan = Given
            .Input(
                new Machine().Gpu(),
                Given.HostDevice("low", year: 2020),
                Given.HostDevice("high", spec: s => s with { Priority = 5 }, year: 2026)
            )
            .Plan();

        Assert.Equal("HostDevice/high", Assert.Single(plan.Units).Policy.ToString());
        plan.Says(
            "0000:43:00.0",
            FindingState.Blocked,
            Reasons.ClaimedByOther,
            "0000:43:00.0 is already claimed by HostDevice/high, which has precedence: narrow the selectors of one "
                + "of the two, or raise priority here"
        );
        Assert.Equal("HostDevice/low", plan.About("0000:43:00.0").Policy!.ToString());
    }

    [Fact]
    public void Of_equal_priority_the_older_policy_has_it_and_one_without_a_date_comes_last()
    {
        var plan = Given
            .Input(new Machine().Gpu(), Given.HostDevice("a"), Given.HostDevice("b", year: 2026), Given.HostDevice("c", year: 2020))
            .Plan();

        Assert.Equal("HostDevice/c", Assert.Single(plan.Units).Policy.ToString());
        Assert.Equal(["HostDevice/c", "HostDevice/b", "HostDevice/a"], plan.Policies.Select(p => p.Policy.ToString()));
    }

    [Fact]
    public void Of_equal_age_the_kind_decides_and_then_the_name()
    {
        var plan = Given
            .Input(new Machine().PhysicalFunction(), Given.Sriov(2, "a"), Given.HostDevice("z", Nic), Given.HostDevice("b", Nic))
            .Plan();

        Assert.Equal(["HostDevice/b", "HostDevice/z", "SriovPolicy/a"], plan.Policies.Select(p => p.Policy.ToString()));
        Assert.Equal("HostDevice/b", Assert.Single(plan.Units).Policy.ToString());
    }

    [Fact]
    public void The_order_in_which_policies_are_given_does_not_matter()
    {
        var machine = new Machine().Gpu().Audio().PhysicalFunction(vfs: 2);
        EffectivePolicy[] policies =
        [
            Given.HostDevice("a"),
            Given.HostDevice("b", Nic, year: 2022),
            Given.Sriov(2, year: 2021),
            Given.HostDevice("c", spec: s => s with { Priority = 1 }),
        ];
        var forth = Given.Input(machine, policies).Plan();
        Array.Reverse(policies);

        Assert.Equal(forth.Whole(), Given.Input(machine, policies).Plan().Whole());
    }

    [Fact]
    public void A_physical_function_passed_whole_and_its_VFs_are_one_claim()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2);
        var plan = Given.Input(machine, Given.Sriov(2, year: 2020), Given.HostDevice("whole", Nic, year: 2021)).Plan();

        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.UnitIds());
        plan.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.ClaimedByOther,
            "0000:41:00.0 is already claimed by SriovPolicy/nics, which has precedence: narrow the selectors of one "
                + "of the two, or raise priority here"
        );
    }

    [Fact]
    public void A_VF_passed_as_a_whole_device_keeps_its_physical_function_from_another_policy()
    {
        var vf = Given.HostDevice(
            "one-vf",
            new PciSelector { Addresses = [PciAddress.Parse("0000:41:10.0")] },
            p => p with { VirtualFunctions = true },
            year: 2020
        );
        var plan = Given.Input(new Machine().PhysicalFunction(vfs: 2), vf, Given.Sriov(2, year: 2021)).Plan();

        Assert.Equal(["0000:41:10.0"], plan.UnitIds());
        plan.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.ClaimedByOther,
            "0000:41:00.0 or one of its virtual functions is already claimed by HostDevice/one-vf, which has "
                + "precedence: narrow the selectors of one of the two, or raise priority here"
        );
    }

    [Fact]
    public void A_VF_that_we_made_stays_with_the_policy_that_had_it_made_whatever_the_precedence()
    {
        var vf = Given.HostDevice(
            "one-vf",
            new PciSelector { Addresses = [PciAddress.Parse("0000:41:10.0")] },
            p => p with { VirtualFunctions = true },
            year: 2020
        );
        var plan = (
            Given.Input(new Machine().PhysicalFunction(vfs: 2), vf, Given.Sriov(2, year: 2021)) with
            {
                Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0"),
            }
        ).Plan();

        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.UnitIds());
        plan.Says(
            "0000:41:10.0",
            FindingState.Blocked,
            Reasons.ClaimedByOther,
            "0000:41:10.0 is a virtual function that SriovPolicy/nics has made, and would go if it were taken from "
                + "it: give it a pool with a resourceName there, or narrow the selectors here"
        );
    }

    [Fact]
    public void A_VF_in_no_pool_belongs_to_the_policy_of_its_physical_function_all_the_same()
    {
        var vf = Given.HostDevice(
            "one-vf",
            new PciSelector { Addresses = [PciAddress.Parse("0000:41:10.2")] },
            p => p with { VirtualFunctions = true },
            year: 2021
        );
        var plan = Given
            .Input(new Machine().PhysicalFunction(vfs: 2), Given.Sriov(2, pools: [Given.Pool("a", 0, 0)], year: 2020), vf)
            .Plan();

        Assert.Equal(["0000:41:10.0"], plan.UnitIds());
        plan.Says(
            "0000:41:10.2",
            FindingState.Blocked,
            Reasons.ClaimedByOther,
            "0000:41:10.2 is already claimed by SriovPolicy/nics, which has precedence: narrow the selectors of one "
                + "of the two, or raise priority here"
        );
    }

    [Fact]
    public void A_held_sibling_is_claimed_too()
    {
        var audio = Given.HostDevice(
            "audio",
            new PciSelector { Class = PciClass.Parse("0403") },
            p => p with { GroupPolicy = GroupPolicy.HoldSiblings },
            year: 2026
        );
        var plan = Given
            .Input(
                new Machine().Gpu().Audio(),
                Given.HostDevice("gpus", pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }, year: 2020),
                audio
            )
            .Plan();

        Assert.Equal("HostDevice/gpus", Assert.Single(plan.Units).Policy.ToString());
        Assert.Contains(plan.Findings, f => f.Reason == Reasons.ClaimedByOther && f.Device == "0000:43:00.1");
    }

    [Fact]
    public void A_policy_that_cannot_have_the_device_at_all_leaves_it_to_the_next()
    {
        var plan = Given
            .Input(
                new Machine().Gpu().Audio(),
                Given.HostDevice("explicit", year: 2020),
                Given.HostDevice("holding", pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }, year: 2021)
            )
            .Plan();

        Assert.Equal("HostDevice/holding", Assert.Single(plan.Units).Policy.ToString());
    }

    [Fact]
    public void Nobody_else_gets_a_device_while_its_first_claimant_waits_for_it()
    {
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice("first", year: 2020), Given.HostDevice("second", year: 2021)) with
        {
            Usage = Given.Users(("0000:43:00.0", UserKind.OpenNode, "process 7 (Xorg) has /dev/dri/card0 open")),
        };

        Assert.Empty(input.Plan().Units);
        Assert.Equal([Reasons.InUse, Reasons.ClaimedByOther], input.Plan().Findings.Select(f => f.Reason));
    }
}
