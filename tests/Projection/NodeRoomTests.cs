using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Projection;
using Xunit;
using static Hostdev.Tests.Projection.ClusterBuilder;

namespace Hostdev.Tests.Projection;

/// <summary>More policies for one node than its NodeDeviceState holds: the latest wait and say so, and nothing else does.</summary>
public sealed class NodeRoomTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_516_policies_the_four_latest_wait_and_a_removal_lets_the_next_in()
    {
        var policies = Policies(516);
        var node = Node("a");
        node = Step(policies, node);
        Assert.Equal(512, node.Given!.Value.Length);
        Assert.Equal(["p513", "p514", "p515", "p516"], Missing(policies, node));
        Assert.Empty(Projector.Project(View(policies, [node])).Specs); // nothing is written again and again

        var rest = policies.RemoveAt(3);
        node = Step(rest, node);
        Assert.DoesNotContain("p004", Names(node));
        node = Step(rest, node);
        Assert.Equal((512, true), (node.Given!.Value.Length, Names(node).Contains("p513")));
    }

    [Fact]
    public void What_waits_for_room_says_so_with_the_ways_out_and_holds_up_no_other_node()
    {
        var policies = Policies(513);
        var last = policies[^1];
        var (full, free) = (Step(policies, Node("a", ("all", "yes"))), Node("b"));
        var others = policies.RemoveAt(512).Select(p => p with { NodeSelector = Selecting("all") });
        var view = View([.. others, last], [full, free]);
        var projection = Projector.Project(view);
        Assert.Equal(["p513"], projection.Specs["b"].Entries.Select(e => e.Version.Key.Name));

        var situation = projection.Policies.Single(p => p.Policy.Key == last.Key);
        var nodes = new[] { full, free.With(projection).Reports(last) };
        var status = PolicyRollup.Status(
            Projector.Project(view with { Nodes = [.. nodes] }).Policies.Single(p => p.Policy.Key == last.Key),
            nodes,
            Now
        );
        Assert.Equal(["a"], situation.Full);
        var problem = Assert.Single(status.Problems);
        Assert.Equal(("a", Reasons.NodeFull), (problem.Node, problem.Reason));
        Assert.Equal(
            "a has 512 policies of 163 KiB, and a NodeDeviceState holds 512 of 1024 KiB: it does not get generation 1 of HostDevice/p513. "
                + "Delete policies that choose it and are not needed, narrow their nodeSelector, or join policies into one",
            problem.Message
        );
        Assert.Equal(
            ["Ready False Blocked", "Progressing False Settled", "Degraded True Blocked"],
            status.Conditions.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Type} {c.Status} {c.Reason}"))
        );
        Assert.Equal(new NodeCounts(Matched: 1, Ready: 1, Blocked: 1), status.Nodes);
    }

    [Fact]
    public void A_change_that_makes_a_policy_too_large_for_a_node_leaves_the_version_that_it_has()
    {
        var large = new string('x', 4096);
        var policies = Enumerable
            .Range(1, 230)
            .Select(i => HostDevice(Name(i), $"example.com/r{i}", created: i, spec: Filler(large)))
            .ToImmutableArray();
        var node = Step(policies, Node("a"));
        Assert.Equal(230, node.Given!.Value.Length);
        var grown = policies.SetItem(
            0,
            HostDevice(Name(1), "example.com/r1", generation: 2, created: 1, spec: Filler(large + new string('y', 90_000)))
        );
        Assert.Empty(Projector.Project(View(grown, [node])).Specs);
        Assert.Equal(["a"], Projector.Project(View(grown, [node])).Policies.Single(p => p.Policy.Key.Name == "p001").Full);

        var smaller = grown.RemoveRange(200, 30); // removals go through, and make room
        node = Step(smaller, node);
        node = Step(smaller, node);
        Assert.Equal(2, node.GivenOf(grown[0].Key)!.Value.Generation);
    }

    [Fact]
    public void Where_there_is_too_much_already_a_change_that_makes_it_less_goes_through()
    {
        var large = new string('x', 4096);
        ClusterPolicy Policy(int number, string text, long generation = 1) =>
            HostDevice(Name(number), $"example.com/r{number}", generation, created: number, spec: Filler(text));
        var given = Enumerable.Range(1, 280).Select(i => Policy(i, large)).ToImmutableArray();
        var node = Node("a") with { Given = [.. given.Select(p => p.Version)] }; // as a version before has written it
        ImmutableArray<ClusterPolicy> changed = [Policy(1, "x", generation: 2), Policy(2, large + "x", generation: 2), .. given.Skip(2)];
        node = Step(changed, node);
        Assert.Equal(
            [("p001", 2L), ("p002", 1L)],
            node.Given!.Value.OrderBy(g => g.Key.Name, StringComparer.Ordinal).Take(2).Select(g => (g.Key.Name, g.Generation))
        );
    }

    [Fact]
    public void The_first_list_of_a_node_has_the_oldest_policies_that_it_has_room_for()
    {
        var policies = Policies(520);
        var node = Step(policies, Node("a") with { Given = null });
        Assert.Equal(["p513", "p514", "p515", "p516", "p517", "p518", "p519", "p520"], Missing(policies, node));
    }

    [Fact]
    public void The_bound_is_the_schemas() =>
        Assert.Contains(
            "maxItems: 512",
            File.ReadAllText(Repository.Path("crds", "nodedevicestates.yaml")).Split("policies:")[1],
            StringComparison.Ordinal
        );

    /// <summary>A field of a later version: specs are handed on whole.</summary>
    private static string Filler(string text) => $"description: \"{text}\"";

    private static ImmutableArray<ClusterPolicy> Policies(int count) =>
        [.. Enumerable.Range(1, count).Select(i => HostDevice(Name(i), $"example.com/r{i}", created: i))];

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"p{number:000}");

    private static Hostdev.Kube.Meta.LabelSelector Selecting(string label) =>
        HostDevice("x", selector: $"{{matchLabels: {{{label}: \"yes\"}}}}").NodeSelector!;

    /// <summary>The node once everything was written that one look names: with all agents reporting, so that rollouts go on.</summary>
    private static NodeView Step(ImmutableArray<ClusterPolicy> policies, NodeView node) =>
        node.With(Projector.Project(View(policies, [node])));

    private static IEnumerable<string> Names(NodeView node) => node.Given!.Value.Select(g => g.Key.Name);

    private static IEnumerable<string> Missing(ImmutableArray<ClusterPolicy> policies, NodeView node) =>
        policies.Select(p => p.Key.Name).Except(Names(node)).Order(StringComparer.Ordinal);
}
