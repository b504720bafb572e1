using System.Collections.Immutable;
using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.Crds.Kinds;
using Hostdev.Planning;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Foreseeing;
using Hostdev.Planning.Inventory;
using Microsoft.FSharp.Core;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// What holds for every machine, every wish and every crash. HOSTDEV_FSCHECK says how many cases (200), HOSTDEV_FSCHECK_SEED replays one
/// that a failure printed as <c>(seed,gamma)</c>.
/// </summary>
public sealed class PlannerProperties
{
    [Fact]
    public void Every_wish_settles_and_stays_settled() =>
        ForAll(s =>
        {
            var machine = Start(s);
            var plan = machine.Settle(Input(s, s.Before), look: Look);
            Assert.Empty((Input(s, s.Before) with { Inventory = machine.Inventory, Ownership = machine.Ownership }).Plan().Lanes);
            Assert.DoesNotContain(plan.Units, u => u.Members.Any(m => machine.Inventory.Functions[m.Address].Driver != m.Driver));
            var later = machine.Settle(Input(s, s.After), look: Look);
            var passed = later.Units.SelectMany(u => u.Members).Select(m => m.Address).ToHashSet();
            var left = machine.Inventory.Functions.Values.Where(f =>
                f.PhysicalFunction is { } pf && machine.Inventory.Functions[pf].Sriov!.Autoprobe && !passed.Contains(f.Address)
            );
            Assert.All(left, vf => Assert.Equal("igbvf", vf.Driver)); // whatever is not passed stays the host's, or is the host's again
        });

    [Fact]
    public void Users_who_come_while_it_is_settled_keep_what_they_have() =>
        ForAll(s =>
        {
            var machine = Start(s);
            machine.Settle(Input(s, s.Before), look: Look);
            var usage = s.UsageOf(machine.Inventory);
            var held = machine
                .Inventory.Functions.Values.Where(f => usage.UsersOf(f.Address).Any(u => u.Protection is null))
                .Select(f => (f.Address, f.Driver))
                .ToList();
            machine.Settle(Input(s, s.After) with { Usage = usage }, look: Look);
            Assert.All(held, h => Assert.Equal(h.Driver, machine.Inventory.Functions[h.Address].Driver));
            machine.Settle(Input(s, []), look: Look);
            AssertAsAtFirst(s, machine);
        });

    [Fact]
    public void Without_policies_everything_is_as_it_was() =>
        ForAll(s =>
        {
            var machine = Start(s);
            machine.Settle(Input(s, s.Before));
            machine.Settle(Input(s, s.After));
            machine.Settle(Input(s, []), look: Look);
            AssertAsAtFirst(s, machine);
        });

    [Fact]
    public void An_agent_that_dies_at_any_step_goes_on_and_gives_back() =>
        ForAll(s =>
        {
            var machine = Start(s);
            foreach (var crash in s.Crashes)
                machine.Apply(Now(machine, Input(s, s.Before)).Plan(), crash);
            machine.Settle(Input(s, s.Before), look: Look);
            foreach (var crash in s.Crashes)
                machine.Apply(Now(machine, Input(s, s.After)).Plan(), crash);
            machine.Settle(Input(s, s.After), look: Look);
            foreach (var crash in s.Crashes)
                machine.Apply(Now(machine, Input(s, [])).Plan(), crash);
            machine.Settle(Input(s, []), look: Look);
            AssertAsAtFirst(s, machine);
        });

    [Fact]
    public void The_order_of_policies_does_not_matter() =>
        ForAll(s =>
        {
            var machine = s.Machine();
            var input = Input(s, s.Before) with { Inventory = machine, Usage = s.UsageOf(machine) };
            Assert.Equal(input.Plan().Whole(), (input with { Policies = [.. input.Policies.Reverse()] }).Plan().Whole());
        });

    /// <summary>The agent asks who uses what only then: it costs a pass over all processes.</summary>
    [Fact]
    public void Who_uses_what_matters_only_where_something_would_be_done_if_nobody_did() =>
        ForAll(s =>
        {
            var machine = Start(s);
            machine.Settle(Input(s, s.Before), look: Look);
            foreach (var policies in (ImmutableArray<EffectivePolicy>[])[s.Before, s.After])
            {
                var input = Now(machine, Input(s, policies)) with { Usage = HostUsage.Nobody };
                if (input.Plan() is not { Lanes.IsEmpty: true, AsksWhoUses: false } plan)
                    continue;
                var used = input with { Usage = s.UsageOf(machine.Inventory) };
                Assert.Equal(plan.Whole(), used.Plan().Whole());
            }
        });

    /// <summary>
    /// Step by step, for machines whose virtual functions are as those that were there: what is not known beforehand is another test's.
    /// </summary>
    [Fact]
    public void What_is_foreseen_is_what_is_done_then() =>
        ForAll(s =>
        {
            if (!s.SharedVfGroups().IsEmpty)
                return; // that a slot does not isolate is known when they are there
            var machine = Start(s);
            foreach (var policies in (ImmutableArray<EffectivePolicy>[])[s.Before, s.After, []])
            {
                var way = Foresight.Of(Now(machine, Input(s, policies)));
                Assert.True(way.Settles);
                List<string> done = [];
                machine.Settle(Input(s, policies), look: (plan, _) => done.AddRange(plan.LaneWords()));
                Assert.Equal(done, way.Rounds.SelectMany(p => p.LaneWords()));
            }
        });

    /// <summary>Whatever is asked of it: all that is in the way can be asked for, and repeats nothing that is said.</summary>
    [Fact]
    public void Each_device_can_be_explained() =>
        ForAll(s =>
        {
            var machine = s.Machine();
            var input = Input(s, s.Before) with { Inventory = machine, Usage = s.UsageOf(machine) };
            foreach (var device in input.Inventory.Passable)
            {
                var it = Explanation.Of(input, device);
                Assert.Empty(it.Findings.Intersect(it.Behind));
                Assert.All(it.Behind, f => Assert.True(f.State.IsInTheWay));
            }
        });

    /// <summary>What must hold of every single plan.</summary>
    private static void Look(Plan plan, PlanningInput input)
    {
        foreach (var step in plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step))
        {
            var users = step.MustBeFree.SelectMany(a => input.Usage.UsersOf(a)).Where(u => !step.MayBeUsed.Contains(u.Kind)).ToList();
            Assert.True(users.Count == 0, $"{step.Words()} disturbs {string.Join(", ", users)}");
        }

        Assert.Equal(plan.Units.Length, plan.Units.Select(u => input.Inventory.Functions[u.Primary].IommuGroup).Distinct().Count());
        Assert.Equal(
            plan.Units.SelectMany(u => u.Members).Count(),
            plan.Units.SelectMany(u => u.Members).Select(m => m.Address).Distinct().Count()
        );
        var groups = plan.Units.SelectMany(u => u.Members.Select(m => input.Inventory.Functions[m.Address].IommuGroup).Distinct()).ToList();
        Assert.Equal(groups.Distinct(), groups);
        Assert.All(
            plan.Units.Where(u =>
                input.Policies.First(p => p.Identity.Uid == u.Policy.Uid).Spec is not HostDeviceSpec { Devices.Group: not null }
            ),
            u => Assert.Single(u.Members.Select(m => input.Inventory.Functions[m.Address].IommuGroup).Distinct())
        );
        Assert.Equal(plan.Lanes.Length, plan.Lanes.Select(l => l.Key).Distinct().Count());
        foreach (var lane in plan.Lanes)
        {
            Assert.Empty(lane.Disturbs.Intersect(plan.Lanes.Where(l => l != lane).SelectMany(l => l.Disturbs)));
        }
    }

    private static PlanApplier Start(Scenario s) => new(s.Machine(), s.SharedVfGroups());

    private static PlanningInput Input(Scenario s, ImmutableArray<EffectivePolicy> policies) => Given.Input(s.Machine(), [.. policies]);

    private static PlanningInput Now(PlanApplier machine, PlanningInput input) =>
        input with
        {
            Inventory = machine.Inventory,
            Ownership = machine.Ownership,
        };

    private static void AssertAsAtFirst(Scenario s, PlanApplier machine)
    {
        Assert.Equal(States(s.Machine()), States(machine.Inventory));
        Assert.Empty(machine.Ownership.Functions);
        Assert.Empty(machine.Ownership.PhysicalFunctions);
    }

    private static List<string> States(HostInventory inventory) =>
        [
            .. inventory.Functions.Values.Select(f =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{f.Address} driver {f.Driver} override {f.DriverOverride} vfs {f.Sriov?.NumVfs} autoprobe {f.Sriov?.Autoprobe}"
                )
            ),
        ];

    private static void ForAll(Action<Scenario> property)
    {
        var cases = int.TryParse(Environment.GetEnvironmentVariable("HOSTDEV_FSCHECK"), CultureInfo.InvariantCulture, out var more)
            ? more
            : 200;
        var config = Config.QuickThrowOnFailure.WithMaxTest(cases).WithQuietOnSuccess(true);
        if (Environment.GetEnvironmentVariable("HOSTDEV_FSCHECK_SEED")?.Trim('(', ')').Split(',') is [var seed, var gamma, ..])
        {
            var rnd = new Rnd(ulong.Parse(seed, CultureInfo.InvariantCulture), ulong.Parse(gamma, CultureInfo.InvariantCulture));
            config = config.WithReplay(FSharpOption<Replay>.Some(new Replay(rnd, FSharpOption<int>.None)));
        }

        Prop.ForAll(Scenario.Any, property).Check(config);
    }
}
