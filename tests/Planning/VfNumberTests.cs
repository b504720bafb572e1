using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// A driver that makes another number of virtual functions than was asked for has answered: what it made stays (the kind of case
/// 09-driver-makes-another-number).
/// </summary>
public sealed class VfNumberTests
{
    private const string Pf = "0000:41:00.0";
    private static readonly PciAddress Address = PciAddress.Parse(Pf);

    [Theory]
    [InlineData(4, 7)] // QAT: all, whatever is asked
    [InlineData(6, 4)] // bnxt_en: what its rings allow
    public void Case_09_driver_makes_another_number_is_asked_once_and_what_it_made_is_used(int asked, int made)
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction()) { Makes = _ => made };
        var input = Given.Input(applier.Inventory, Given.Sriov(asked, pools: [Given.Pool("all", 0, asked - 1)]));
        var steps = new List<string>();
        var plan = applier.Settle(input, look: (p, _) => steps.AddRange(p.Steps()));

        Assert.Single(steps, s => s.StartsWith("numvfs", StringComparison.Ordinal));
        Assert.Equal(made, applier.Inventory.Functions[Address].Sriov!.NumVfs);
        Assert.True(applier.Inventory.Functions[Address].Sriov!.Autoprobe);
        Assert.Equal(Math.Min(asked, made), plan.Units.Length);
        plan.Says(
            Pf,
            FindingState.Blocked,
            Reasons.OtherVfNumber,
            $"{Pf}: {asked} VFs were asked for and its driver made {made}: set numVfs to {made}, or see dmesg for its limit"
        );
        Golden.MatchesWords($"case-09-{asked}-{made}", input with { Inventory = applier.Inventory, Ownership = applier.Ownership }, Pf);
        Assert.Equal(
            (asked, made),
            (applier.Ownership.PhysicalFunctions[Address].Asked, applier.Ownership.PhysicalFunctions[Address].Made)
        );
    }

    [Fact]
    public void Another_number_is_asked_once_too_and_the_made_one_is_fulfilled_as_it_is()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction()) { Makes = _ => 7 };
        applier.Settle(Given.Input(applier.Inventory, Given.Sriov(4)));
        var steps = new List<string>();
        var plan = applier.Settle(Given.Input(applier.Inventory, Given.Sriov(5)), look: (p, _) => steps.AddRange(p.Steps()));
        Assert.Equal(
            ["numvfs 0 on 0000:41:00.0", "numvfs 5 on 0000:41:00.0"],
            steps.Where(s => s.StartsWith("numvfs", StringComparison.Ordinal))
        );
        Assert.Equal(
            "0000:41:00.0: 5 VFs were asked for and its driver made 7: set numVfs to 7, or see dmesg for its limit",
            plan.About(Pf).Message
        );

        steps.Clear();
        plan = applier.Settle(Given.Input(applier.Inventory, Given.Sriov(7)), look: (p, _) => steps.AddRange(p.Steps()));
        Assert.DoesNotContain(steps, s => s.StartsWith("numvfs", StringComparison.Ordinal));
        Assert.Equal((7, 0), (plan.Units.Length, plan.Findings.Length));

        applier.Settle(Given.Input(applier.Inventory));
        Assert.Equal(0, applier.Inventory.Functions[Address].Sriov!.NumVfs);
        Assert.Empty(applier.Ownership.PhysicalFunctions);
    }

    [Fact]
    public void When_there_are_none_it_is_asked_again()
    {
        var owned = Ownership.None.OwnsVfsOf(Pf, asked: 4, made: 7);
        var input = Given.Input(new Machine().PhysicalFunction(vfs: 7), Given.Sriov(4, pools: [])) with { Ownership = owned };

        Assert.Empty(input.Plan().Lanes);
        Assert.Contains(
            "numvfs 4 on 0000:41:00.0",
            (Given.Input(new Machine().PhysicalFunction(), Given.Sriov(4, pools: [])) with { Ownership = owned }).Plan().Steps()
        );
    }

    [Fact]
    public void A_crash_before_the_setup_was_closed_asks_no_second_time()
    {
        for (var steps = 4; steps <= 8; steps++)
        {
            var applier = new PlanApplier(new Machine().PhysicalFunction()) { Makes = _ => 7 };
            var input = Given.Input(applier.Inventory, Given.Sriov(4, pools: []));
            applier.Apply(input.Plan());
            applier.Apply((input with { Inventory = applier.Inventory, Ownership = applier.Ownership }).Plan(), stopAfter: steps);
            var plan = applier.Settle(
                input,
                look: (p, _) => Assert.DoesNotContain(p.Steps(), s => s.StartsWith("numvfs", StringComparison.Ordinal))
            );
            Assert.Equal(Reasons.OtherVfNumber, plan.About(Pf).Reason);
        }
    }

    /// <summary>A tool that removed our idle VFs and made its own: they are not ours to remove, now or when the policy goes.</summary>
    [Fact]
    public void Another_number_than_was_left_was_made_by_somebody_else()
    {
        var input = Given.Input(new Machine().PhysicalFunction(vfs: 3, vfDriver: "igbvf"), Given.Sriov(4, pools: [])) with
        {
            Ownership = Ownership.None.OwnsVfsOf(Pf, asked: 4, made: 4),
        };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says(
                Pf,
                FindingState.Blocked,
                Reasons.ForeignVfs,
                "0000:41:00.0 has 3 VFs that Hostdev did not make, and 4 are asked for: they are never reset; "
                    + "remove them by hand, set numVfs to 3, or use management External"
            );
        Assert.Equal(["forget the VFs of 0000:41:00.0"], (input with { Policies = [] }).Plan().Steps());
    }

    /// <summary>The version before kept neither number: what it had in force is planned for as it did.</summary>
    [Fact]
    public void A_journal_of_the_version_before_is_read_and_it_can_read_this_one()
    {
        const string before = """
            {"op":"Open","format":1,"bootId":"b"}
            {"op":"RecordPhysicalFunction","address":"0000:41:00.0","policy":"sriovpolicy-nics","numVfs":0,"autoprobe":true}
            {"op":"OpenVfSetup","address":"0000:41:00.0"}
            {"op":"CloseVfSetup","address":"0000:41:00.0"}

            """;
        var old = Journal.Read("journal.jsonl", before, "b").Ownership;
        Assert.Equal(
            (null, null, false),
            (old.PhysicalFunctions[Address].Asked, old.PhysicalFunctions[Address].Made, old.PhysicalFunctions[Address].SetupOpen)
        );
        Assert.Contains(
            "numvfs 0 on 0000:41:00.0",
            (Given.Input(new Machine().PhysicalFunction(vfs: 2), Given.Sriov(4)) with { Ownership = old }).Plan().Steps()
        );

        // Only fields that the version before knows as well, on records that it takes them with: a rolled-back agent reads on.
        var state = new JournalState(Ownership.None.OwnsVfsOf(Pf, asked: 4, made: 7), JournalState.Empty.Nodes);
        Assert.Equal(
            [
                new JournalRecord.RecordPhysicalFunction(Address, "sriovpolicy-nics", 0, true),
                new JournalRecord.OpenVfSetup(Address, 4),
                new JournalRecord.CloseVfSetup(Address, 7),
            ],
            state.ToRecords()
        );
        Assert.Equal(
            state.Ownership.PhysicalFunctions,
            state.ToRecords().Aggregate(JournalState.Empty, (s, r) => s.With(r)).Ownership.PhysicalFunctions
        );
    }
}
