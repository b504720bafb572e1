using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>What is in force does not hang on a name that changes (case 08-pf-interface-renamed and its kind).</summary>
public sealed class ChoiceTests
{
    private const string Pf = "0000:41:00.0";
    private const string Other = "0000:42:00.0";

    [Fact]
    public void Case_08_pf_interface_renamed_stays_in_force_and_it_is_said()
    {
        var before = Given.Input(Machine("eth0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        var renamed = Given.Input(Machine("ens7f0np0"), ByInterface("eth0")) with
        {
            Ownership = Owns(Pf),
            Choices = before.Plan().Choices!.Value,
        };

        var plan = renamed.Plan();
        Assert.Empty(plan.Lanes);
        Assert.Equal(2, plan.Units.Length);
        Assert.Equal(before.Plan().Choices!.Value, plan.Choices!.Value);
        var said = Assert.Single(plan.Findings, f => f.Reason == Reasons.NameChanged);
        Assert.Equal(FindingState.Noticed, said.State);
        Assert.Equal(
            "0000:41:00.0 was chosen by its interface eth0, which is called ens7f0np0 now: what is in force stays; "
                + "write the new name or the address",
            said.Message
        );
        Golden.MatchesWords("case-08", renamed, Pf);
    }

    [Fact]
    public void Without_the_choice_on_disk_it_would_go()
    {
        var forgotten = Given.Input(Machine("ens7f0np0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        Assert.NotEmpty(forgotten.Plan().Lanes);
    }

    [Fact]
    public void An_interface_that_moved_to_another_namespace_is_still_meant()
    {
        var here = Given.Input(Machine("eth0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        var machine = Machine(null).Change(Pf, f => f with { NetworkInterfaceElsewhere = true });
        var plan = (Given.Input(machine, ByInterface("eth0")) with { Ownership = Owns(Pf), Choices = here.Plan().Choices!.Value }).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Contains(
            plan.Findings,
            f => f.Message.Contains("its interface eth0, which is in another network namespace now", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_name_that_moves_to_another_function_takes_nothing_with_it()
    {
        var before = Given.Input(Machine("eth0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        var swapped = Machine("eth1").PhysicalFunction(Other, group: 21).Change(Other, f => Named(f, "eth0"));
        var plan = (Given.Input(swapped, ByInterface("eth0")) with { Ownership = Owns(Pf), Choices = before.Plan().Choices!.Value }).Plan();

        Assert.Empty(plan.Lanes);
        var moved = Assert.Single(plan.Findings, f => f.Reason == Reasons.NameMoved);
        Assert.Equal(
            "0000:42:00.0 is called eth0 now, and so was 0000:41:00.0 when SriovPolicy/nics chose it: 0000:41:00.0 "
                + "stays in force and 0000:42:00.0 is not taken; write addresses in place of the name",
            moved.Message
        );
    }

    [Fact]
    public void A_policy_that_names_another_interface_gives_the_first_back()
    {
        var before = Given.Input(Machine("eth0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        var plan = (
            Given.Input(Machine("eth0"), ByInterface("eth9")) with
            {
                Ownership = Owns(Pf),
                Choices = before.Plan().Choices!.Value,
            }
        ).Plan();

        Assert.NotEmpty(plan.Lanes);
        Assert.Empty(plan.Choices!.Value);
    }

    [Fact]
    public void The_choice_is_made_before_the_first_write_and_not_for_what_is_blocked()
    {
        var fresh = Given.Input(Machine("eth0", vfs: 0), ByInterface("eth0")).Plan();
        Assert.NotEmpty(fresh.Lanes);
        Assert.Equal("eth0", Assert.Single(fresh.Choices!.Value).Interface);

        var blocked = Given.Input(Machine("eth0", vfs: 0), ByInterface("eth0", numVfs: 99)).Plan();
        Assert.Empty(blocked.Choices!.Value);
    }

    [Fact]
    public void Other_hardware_at_the_address_is_not_what_was_chosen()
    {
        var before = Given.Input(Machine("eth0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        var replaced = Machine("ens9").Change(Pf, f => f with { Device = PciId.Parse("1521") });
        var plan = (Given.Input(replaced, ByInterface("eth0")) with { Choices = before.Plan().Choices!.Value }).Plan();

        Assert.Equal(0, Assert.Single(plan.Policies).Matched);
        Assert.Empty(plan.Choices!.Value);
    }

    [Fact]
    public void Alternative_names_match_too()
    {
        var names = ImmutableDictionary<string, ImmutableArray<string>>.Empty.Add("eth0", ["enp65s0f0np0"]);
        var plan = (Given.Input(Machine("eth0", vfs: 0), ByInterface("enp65s0f0np0")) with { AlternativeNames = names }).Plan();
        Assert.Equal(1, Assert.Single(plan.Policies).Matched);
    }

    [Fact]
    public void A_policy_that_matches_no_interface_is_told_which_there_are()
    {
        var match = Assert.Single(Given.Input(Machine("eth0", vfs: 0), ByInterface("ens1f0")).Plan().Policies);
        Assert.Equal(": no interface of a physical function is called ens1f0; there are eth0 (0000:41:00.0)", match.Hint);
    }

    [Fact]
    public void A_device_that_was_chosen_by_its_driver_stays_whatever_driver_it_has_after_a_boot()
    {
        var policy = Given.HostDevice(selector: new PciSelector { Driver = "nouveau" });
        var choices = Given.Input(new Machine().Gpu(driver: "nouveau"), policy).Plan().Choices!.Value;
        var plan = (Given.Input(new Machine().Gpu(driver: "nvidia"), policy) with { Choices = choices }).Plan();

        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        Assert.Contains(
            plan.Findings,
            f =>
                f.Message
                == "0000:43:00.0 was chosen by its driver nouveau, which is nvidia now: what is in force stays; write "
                    + "the new name or the address"
        );
    }

    [Fact]
    public void A_device_that_was_chosen_by_its_slot_stays_when_the_slot_is_called_otherwise()
    {
        var policy = Given.HostDevice(selector: new PciSelector { Slot = "7" });
        var choices = Given.Input(new Machine().Gpu().Change("0000:43:00.0", f => f with { Slot = "7" }), policy).Plan().Choices!.Value;
        var plan = (
            Given.Input(new Machine().Gpu().Change("0000:43:00.0", f => f with { Slot = "7-1" }), policy) with
            {
                Choices = choices,
            }
        ).Plan();

        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
    }

    [Fact]
    public void What_is_away_is_not_forgotten()
    {
        var before = Given.Input(Machine("eth0"), ByInterface("eth0")) with { Ownership = Owns(Pf) };
        var away = Given.Input(new Machine(), ByInterface("eth0")) with { Choices = before.Plan().Choices!.Value };
        Assert.Equal(before.Plan().Choices!.Value, away.Plan().Choices!.Value);
    }

    private static Machine Machine(string? name, int vfs = 2) =>
        new Machine().PhysicalFunction(vfs: vfs, vfDriver: "vfio-pci").Change(Pf, f => name is null ? f : Named(f, name));

    private static PciFunction Named(PciFunction function, string name) =>
        function with
        {
            Children = [new ChildDevice(ChildKind.NetworkInterface, name)],
        };

    private static Ownership Owns(string pf) => Ownership.None.OwnsVfsOf(pf);

    private static EffectivePolicy ByInterface(string name, int numVfs = 2) =>
        Given.Sriov(numVfs, spec: p => p with { PhysicalFunctions = [new PfSelector { Interfaces = [name] }] });
}
