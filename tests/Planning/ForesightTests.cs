using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Foreseeing;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>A plan that is carried on to its end.</summary>
public sealed class ForesightTests
{
    private const string Pf = "0000:41:00.0";

    [Fact]
    public void Another_number_of_virtual_functions_is_shown_to_the_end()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction(total: 8).Build());
        var input = Given.Input(applier.Inventory, Given.Sriov(2));
        applier.Settle(input);
        var way = Foresight.Of(Given.Input(applier.Inventory, Given.Sriov(4)) with { Ownership = applier.Ownership });

        Assert.True(way.Settles);
        Assert.Equal(Verdict.Changes, way.Verdict);
        Assert.Equal(3, way.Rounds.Length);
        Assert.Equal(["0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:41:10.6"], way.End.UnitIds());
        foreach (var form in (string[])["text", "json", "yaml"])
            Golden.Matches($"foresight-vfs-2-4.{form}", PlanCommand.Render(way, form));
    }

    [Fact]
    public void Where_the_card_does_not_tell_its_offset_the_addresses_are_said_to_be_unknown()
    {
        HostInventory untold = new Machine()
            .PhysicalFunction()
            .Change(Pf, f => f with { Sriov = f.Sriov! with { Offset = 0, Stride = 0 } });
        var way = Foresight.Of(Given.Input(untold, Given.Sriov(2)));

        Assert.True(way.Settles);
        Assert.Equal(
            $"which addresses the virtual functions of {Pf} get is known when they are there: what is done to them then is not shown",
            Assert.Single(way.Assumptions)
        );
        Assert.Empty(way.End.Units);
    }

    [Fact]
    public void A_host_that_is_as_desired_has_nothing_to_come_and_one_that_waits_has()
    {
        HostInventory taken = new Machine().Gpu(driver: "vfio-pci");
        Assert.Equal(Verdict.Nothing, Foresight.Of(Given.Input(taken, Given.HostDevice())).Verdict);
        Assert.Equal(Verdict.Nothing, Foresight.Of(Given.Input(new Machine().Gpu())).Verdict);
        var pod = Given.Users(("0000:43:00.0", UserKind.Pod, "pod vms/a has 0000:43:00.0"));
        var waits = Foresight.Of(Given.Input(new Machine().Gpu(), Given.HostDevice()) with { Usage = pod });

        Assert.Equal(Verdict.Changes, waits.Verdict);
        Assert.Equal("pod vms/a has 0000:43:00.0", Assert.Single(Assert.Single(waits.WaitsFor).Users));
        var blocked = Foresight.Of(Given.Input(new Machine().Gpu().Audio(), Given.HostDevice()));
        Assert.Equal(Verdict.Blocked, blocked.Verdict);
        Assert.Equal(Verdict.Blocked, Foresight.Of(Given.Input(taken, Given.HostDevice().Frozen())).Verdict);
        Assert.Equal([0, 2, 3], Enum.GetValues<Verdict>().Select(PlanCommand.ExitCode));
    }

    /// <summary>An agent that is stopped half way goes on from there: what is foreseen then is the rest of it.</summary>
    [Fact]
    public void What_is_foreseen_from_the_middle_is_the_rest_of_it()
    {
        var input = Given.Input(new Machine().PhysicalFunction().Gpu().Audio(), Given.Sriov(3), Assigned());
        var applier = new PlanApplier(input.Inventory);
        var whole = Foresight.Of(input);
        foreach (var plan in whole.Rounds)
        {
            var now = input with { Inventory = applier.Inventory, Ownership = applier.Ownership };
            Assert.Equal(now.Plan().LaneWords(), plan.LaneWords());
            applier.Apply(plan);
        }

        Assert.Empty((input with { Inventory = applier.Inventory, Ownership = applier.Ownership }).Plan().Lanes);
    }

    /// <summary>One look shows what is in the way, and what would be in the way then.</summary>
    [Fact]
    public void All_that_is_in_the_way_is_said_in_the_order_in_which_it_is_met()
    {
        var users = Given.Users(
            ("0000:43:00.0", UserKind.Mount, "nvme0n1p1 is mounted at /data"),
            ("0000:43:00.0", UserKind.Pod, "pod a/b has it")
        );
        var input = Given.Input(new Machine().Gpu().Audio(), Given.HostDevice()) with { Usage = users };
        var it = Explanation.Of(input, PciAddress.Parse("0000:43:00.0"));

        Assert.Equal(["UndeclaredSiblings"], it.Findings.Select(f => f.Reason.ToString()));
        Assert.Equal(["Protected", "InUse"], it.Behind.Select(f => f.Reason.ToString()));
    }

    private static EffectivePolicy Assigned() => Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings });
}
