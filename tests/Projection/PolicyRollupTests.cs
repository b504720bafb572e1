using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Control;
using Hostdev.Projection;
using Xunit;
using static Hostdev.Tests.Projection.ClusterBuilder;

namespace Hostdev.Tests.Projection;

/// <summary>Every condition of a policy, and the words that an admin reads.</summary>
public sealed class PolicyRollupTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Ready_when_every_node_has_done_all_that_it_was_given()
    {
        var gpus = HostDevice("gpus");
        var status = Status(
            gpus,
            Node("a").Has(gpus).Reports(gpus, matched: 4, ready: 4),
            Node("b").Has(gpus).Reports(gpus, Reasons.NoMatch, matched: 0, ready: 0)
        );
        Assert.Equal(
            ["Ready=True Ready: 4 devices offered on 1 node", "Progressing=False Settled: ", "Degraded=False AsDesired: "],
            Conditions(status)
        );
        Assert.Equal((new NodeCounts(Matched: 1, Ready: 1), new DeviceCounts(Matched: 4, Ready: 4)), (status.Nodes, status.Devices));
        Assert.Equal(
            (1L, "example.com/gpu", true),
            (status.ObservedGeneration, status.Resources, status.Problems.IsEmpty && status.Releasing.IsEmpty)
        );
    }

    [Fact]
    public void No_match_names_what_to_compare_when_no_node_is_chosen_and_a_node_to_look_at_when_no_device_is()
    {
        var gpus = HostDevice("gpus", selector: "{matchLabels: {gpu: \"yes\"}}");
        Assert.Equal(
            "Ready=False NoMatch: nodeSelector chooses no node that runs an agent: compare it with kubectl get nodes "
                + "--show-labels, and look whether the agent's Pods run there",
            Conditions(Status(gpus, Node("a")))[0]
        );
        var labelled = Node("a", ("gpu", "yes")).Has(gpus).Reports(gpus, Reasons.NoMatch, matched: 0, ready: 0);
        Assert.Equal(
            [
                "Ready=False NoMatch: no device matches on 1 node that nodeSelector chooses: kubectl get "
                    + "nodedevicestate a -o yaml lists the devices of one of them",
                "Progressing=False Settled: ",
                "Degraded=False AsDesired: ",
            ],
            Conditions(Status(gpus, labelled))
        );
    }

    [Fact]
    public void A_node_that_cannot_offer_everything_is_named_with_its_words_and_several_are_counted()
    {
        var gpus = HostDevice("gpus");
        NodeView Blocked(string name) =>
            Node(name).Has(gpus).Reports(gpus, Reasons.Blocked, "1 of 2 devices cannot be offered: 0000:43:00.0 is mounted on /", 2, 1, 1);
        Assert.Equal(
            [
                "Ready=False Blocked: a: 1 of 2 devices cannot be offered: 0000:43:00.0 is mounted on /",
                "Progressing=False Settled: ",
                "Degraded=True Blocked: a: 1 of 2 devices cannot be offered: 0000:43:00.0 is mounted on /",
            ],
            Conditions(Status(gpus, Blocked("a")))
        );
        Assert.Equal(
            "Degraded=True Blocked: 2 nodes cannot offer everything; a: 1 of 2 devices cannot be offered: 0000:43:00.0 is mounted on /",
            Conditions(Status(gpus, Blocked("b"), Blocked("a")))[2]
        );
    }

    [Fact]
    public void What_an_agent_does_not_understand_is_degraded_and_stands_among_the_problems()
    {
        var gpus = HostDevice("gpus");
        var status = Status(
            gpus,
            Node("a").Has(gpus).Reports(gpus, Reasons.Frozen, "HostDevice/gpus: spec.frobnicate is not known to this agent", 0, 0)
        );
        Assert.Equal("Degraded=True Blocked: a: HostDevice/gpus: spec.frobnicate is not known to this agent", Conditions(status)[2]);
        Assert.Equal(
            [new PolicyProblem("a", Reasons.Frozen, "HostDevice/gpus: spec.frobnicate is not known to this agent")],
            status.Problems
        );
    }

    [Fact]
    public void A_rollout_says_where_it_is_under_way_and_how_much_is_to_go()
    {
        var (old, gpus) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "rollout: {maxUnavailable: 2}"));
        var nodes = Nodes(6).Select(n => n.Has(old).Reports(old)).ToArray();
        nodes[0] = nodes[0].Has(gpus).Reports(gpus);
        nodes[1] = nodes[1].Has(gpus);
        var status = Status(gpus, nodes);
        Assert.Equal(
            "Progressing=True RollingOut: under way on node-002; about to begin on 1 node; 3 nodes to go, 2 nodes at a time",
            Conditions(status)[1]
        );
        Assert.Equal(
            "Ready=False Progressing: under way on node-002; about to begin on 1 node; 3 nodes to go, 2 nodes at a time",
            Conditions(status)[0]
        );
        Assert.Equal((1, 5), (status.Nodes!.Ready, status.Nodes.Progressing));
    }

    [Fact]
    public void A_rollout_that_waits_for_nodes_whose_agents_are_away_names_them()
    {
        var (old, gpus) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "rollout: {maxUnavailable: 2}"));
        var nodes = Nodes(5).Select(n => n.Has(old).Reports(old)).ToArray();
        nodes[1] = nodes[1].Has(gpus) with { Agent = AgentPresence.NotReady };
        Assert.Equal(
            "Progressing=True RollingOut: about to begin on 1 node; waits for node-002, whose agent is not Ready; 3 "
                + "nodes to go, 2 nodes at a time",
            Conditions(Status(gpus, nodes))[1]
        );
        nodes[3] = nodes[3].Has(gpus) with { Agent = AgentPresence.NotReady };
        Assert.Equal(
            "Progressing=True RollingOut: waits for node-002, node-004, whose agents are not Ready; 3 nodes to go, 2 nodes at a time",
            Conditions(Status(gpus, nodes))[1]
        );
        Assert.Equal("Progressing=False Settled: ", Conditions(Status(gpus, nodes[1], nodes[3]))[1]); // nobody waits for them
    }

    [Fact]
    public void A_node_that_waits_for_its_first_list_is_under_way_too()
    {
        var gpus = HostDevice("gpus");
        Assert.Equal("Progressing=True RollingOut: a gets its first list", Conditions(Status(gpus, Node("a") with { Given = null }))[1]);
    }

    [Fact]
    public void A_halted_rollout_names_the_node_the_generation_and_three_ways_on()
    {
        var (old, gpus) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "priority: 1"));
        var nodes = Nodes(4).Select(n => n.Has(old).Reports(old)).ToArray();
        nodes[0] = nodes[0].Has(gpus).Reports(gpus, Reasons.Blocked, "vfio-pci is not loaded", 1, 0, 1);
        Assert.Equal(
            "Progressing=False Halted: the rollout is halted with 3 nodes to go, because a node is Degraded with "
                + "generation 2: node-001: vfio-pci is not loaded. Mend that, change the policy, or set "
                + "rollout.maxUnavailable to 100% to go on regardless",
            Conditions(Status(gpus, nodes))[1]
        );
    }

    [Fact]
    public void Only_when_all_that_is_left_waits_for_VMs_the_reason_says_so()
    {
        var gpus = HostDevice("gpus");
        var waits = new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.InUse, "vms/web has it");
        NodeView Waits(string name) => Node(name).Has(gpus).Reports(gpus, Reasons.Progressing, "waits", 1, 0, 0, waits);
        Assert.Equal("Progressing=True WaitsForUsers: a waits for VMs that have the devices", Conditions(Status(gpus, Waits("a")))[1]);
        Assert.Equal(
            "Progressing=True WaitsForUsers: a, b wait for VMs that have the devices",
            Conditions(Status(gpus, Waits("a"), Waits("b")))[1]
        );
        var mixed = Status(gpus, Waits("a"), Node("b").Has(gpus));
        Assert.Equal("Progressing=True RollingOut: under way on b; a waits for VMs that have the devices", Conditions(mixed)[1]);
        Assert.Equal([new PolicyProblem("a", Reasons.InUse, "vms/web has it", "0000:43:00.0")], mixed.Problems);
    }

    /// <summary>The column MESSAGE of <c>kubectl get</c>.</summary>
    [Fact]
    public void While_something_is_under_way_the_message_of_Ready_begins_with_what_is_in_the_way()
    {
        var gpus = HostDevice("gpus");
        var waits = new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.StillHeld, "process 4711 (qemu) has 0000:43:00.0 open");
        var held = new DeviceProblem("0000:43:00.1", FindingState.Held, Reasons.HeldSibling, "held");
        var status = Status(
            gpus,
            Node("a").Has(gpus),
            Node("b").Has(gpus).Reports(gpus, Reasons.Progressing, "waits", 1, 0, 0, held, waits)
        );
        Assert.Equal(
            "Ready=False Progressing: b: process 4711 (qemu) has 0000:43:00.0 open; "
                + "under way on a; b waits for VMs that have the devices",
            Conditions(status)[0]
        );
        Assert.Equal("Progressing=True RollingOut: under way on a; b waits for VMs that have the devices", Conditions(status)[1]);
        Assert.Equal("Ready=False Progressing: under way on a", Conditions(Status(gpus, Node("a").Has(gpus)))[0]);
    }

    [Fact]
    public void What_nodes_lack_is_said_and_the_policy_is_not_Ready()
    {
        var gpus = HostDevice("gpus");
        var lacks = new DeviceProblem("0000:41:00.0", FindingState.Waiting, Reasons.NoVfs, "0000:41:00.0 has 8 VFs");
        var status = Status(
            gpus,
            Node("a").Has(gpus).Reports(gpus),
            Node("b").Has(gpus).Reports(gpus, Reasons.Progressing, "lacks", 16, 8, 0, lacks)
        );
        Assert.Equal(
            "Ready=False Progressing: b: 0000:41:00.0 has 8 VFs; b lacks virtual functions that pools name",
            Conditions(status)[0]
        );
        Assert.Equal("Progressing=True Incomplete: b lacks virtual functions that pools name", Conditions(status)[1]);
        Assert.Equal("1/2", status.Nodes!.Summary);
    }

    [Fact]
    public void What_the_generation_before_ran_into_is_not_said_of_the_one_that_may_have_mended_it()
    {
        var before = HostDevice("gpus");
        var now = HostDevice("gpus", generation: 2);
        var blocked = new DeviceProblem("0000:43:00.0", FindingState.Blocked, Reasons.UndeclaredSiblings, "declare them");
        var status = Status(now, Node("a").Has(now).Reports(before, Reasons.Blocked, "declare them", 1, 0, 1, blocked));
        Assert.Empty(status.Problems);
        Assert.Equal("Ready=False Progressing: under way on a", Conditions(status)[0]);
    }

    /// <summary>The column NODES.</summary>
    [Fact]
    public void A_chosen_node_whose_agent_does_not_report_counts_as_one_that_is_not_ready()
    {
        var gpus = HostDevice("gpus");
        var (ready, none) = (Node("a").Has(gpus).Reports(gpus), Node("b").Has(gpus).Reports(gpus, Reasons.NoMatch, matched: 0, ready: 0));
        var away = Node("c").Has(gpus).Reports(gpus) with { Agent = AgentPresence.NotReady };
        Assert.Equal("1/1", Status(gpus, ready, none).Nodes!.Summary);
        Assert.Equal("1/3", Status(gpus, ready, none, away, away with { Name = "d", Agent = AgentPresence.None }).Nodes!.Summary);
    }

    [Fact]
    public void Nodes_whose_agent_is_not_Ready_are_unknown_and_what_they_said_before_counts_no_more()
    {
        var gpus = HostDevice("gpus");
        var status = Status(
            gpus,
            [
                .. Nodes(5).Select(n => n.Has(gpus).Reports(gpus, matched: 2, ready: 2) with { Agent = AgentPresence.NotReady }),
                Node("z").Has(gpus).Reports(gpus),
            ]
        );
        var words = "the agent's Pod is not Ready on node-001, node-002 and 3 more: what is there is not known; look at that Pod's log";
        Assert.Equal(
            [$"Ready=False AgentNotReady: {words}", "Progressing=False Settled: ", $"Degraded=True AgentNotReady: {words}"],
            Conditions(status)
        );
        Assert.Equal((5, new DeviceCounts(Matched: 1, Ready: 1)), (status.Nodes!.Unknown, status.Devices));
    }

    [Fact]
    public void A_policy_that_is_held_back_says_why_in_both_conditions()
    {
        var wrong = HostDevice("gpus", devices: "");
        var conditions = Conditions(Status(wrong, Node("a")));
        Assert.StartsWith("Ready=False InvalidSpec: ", conditions[0], StringComparison.Ordinal);
        Assert.Equal(
            (conditions[0]["Ready=False".Length..], "Progressing=False Settled: "),
            (conditions[2]["Degraded=True".Length..], conditions[1])
        );
        var unselected = HostDevice("gpus") with { NodeSelector = null };
        Assert.Contains(
            "Ready=False InvalidSpec: HostDevice/gpus: spec.nodeSelector cannot be read: write nodeSelector: {} for "
                + "all nodes, or matchLabels",
            Conditions(Status(unselected, Node("a")))
        );
    }

    [Fact]
    public void Where_all_chosen_nodes_give_everything_back_the_way_to_undo_it_is_named()
    {
        var gpus = HostDevice("gpus");
        Assert.Equal(
            "Ready=False GiveBack: 1 node that nodeSelector chooses has the annotation hostdev.io/give-back=true on "
                + "the NodeDeviceState and gets no policy: hostdev-operator give-back --undo removes it",
            Conditions(Status(gpus, Node("a") with { GiveBack = true }))[0]
        );
        Assert.Equal(
            "Ready=True Ready: 1 device offered on 1 node",
            Conditions(Status(gpus, Node("a") with { GiveBack = true }, Node("b").Has(gpus).Reports(gpus)))[0]
        );
    }

    [Fact]
    public void Problems_are_five_at_most_blocked_before_waiting_and_of_each_node_the_first_before_the_second_of_any()
    {
        var gpus = HostDevice("gpus");
        DeviceProblem Problem(string device, FindingState state) => new(device, state, Reasons.Of("X"), $"{device} has something");
        var status = Status(
            gpus,
            Node("c").Has(gpus).Reports(gpus, Reasons.Progressing, "", 1, 0, 0, Problem("c1", FindingState.Waiting)),
            Node("b")
                .Has(gpus)
                .Reports(
                    gpus,
                    Reasons.Blocked,
                    "",
                    3,
                    0,
                    3,
                    Problem("b1", FindingState.Blocked),
                    Problem("b2", FindingState.Blocked),
                    Problem("b3", FindingState.Blocked)
                ),
            Node("a")
                .Has(gpus)
                .Reports(
                    gpus,
                    Reasons.Blocked,
                    "",
                    2,
                    0,
                    2,
                    Problem("a0", FindingState.Held),
                    Problem("a1", FindingState.Blocked),
                    Problem("a2", FindingState.Blocked)
                )
        );
        Assert.Equal(["a1", "b1", "a2", "b2", "b3"], status.Problems.Select(p => p.Device));
    }

    [Theory]
    [InlineData("OfferedByKubeVirt", true)]
    [InlineData("OfferedByHarvester", true)]
    [InlineData("OfferedByAnother", true)]
    [InlineData("DomainTooLong", true)]
    [InlineData("NameChanged", true)]
    [InlineData("Adopted", false)]
    [InlineData("SharedReset", false)]
    public void A_notice_that_asks_somebody_to_act_stands_among_the_problems_of_a_policy_that_is_Ready(string reason, bool stands)
    {
        var gpus = HostDevice("gpus");
        var notice = new DeviceProblem("10000:01:00.0", FindingState.Noticed, Reasons.Of(reason), "its words");
        var status = Status(gpus, Node("a").Has(gpus).Reports(gpus, Reasons.Ready, "", 1, 1, 0, notice));
        Assert.Equal(stands ? [new PolicyProblem("a", notice.Reason, "its words", "10000:01:00.0")] : [], status.Problems);
        Assert.Equal(
            ["Ready=True Ready: 1 device offered on 1 node", "Progressing=False Settled: ", "Degraded=False AsDesired: "],
            Conditions(status)
        );
    }

    [Fact]
    public void Notices_come_after_everything_that_is_in_the_way_and_never_into_the_message()
    {
        var gpus = HostDevice("gpus");
        static DeviceProblem Problem(string device, FindingState state, Reason reason) =>
            new(device, state, reason, $"{device} has something");
        DeviceProblem[] notices =
        [
            Problem("a1", FindingState.Noticed, Reasons.NameChanged),
            Problem("a2", FindingState.Noticed, Reasons.DomainTooLong),
        ];
        var ready = Node("a").Has(gpus).Reports(gpus, Reasons.Ready, "", 2, 2, 0, notices);
        var changing = Node("b")
            .Has(gpus)
            .Reports(gpus, Reasons.Progressing, "", 1, 0, 0, Problem("b1", FindingState.Noticed, Reasons.OfferedByKubeVirt));
        var status = Status(gpus, ready, changing);
        Assert.Equal(["a1", "b1", "a2"], status.Problems.Select(p => p.Device));
        Assert.Equal("Ready=False Progressing: under way on b", Conditions(status)[0]);

        DeviceProblem[] many =
        [
            .. Enumerable.Range(1, 3).Select(i => Problem($"c{i}", FindingState.Blocked, Reasons.Of("X"))),
            Problem("c4", FindingState.Waiting, Reasons.InUse),
        ];
        var blocked = Node("c").Has(gpus).Reports(gpus, Reasons.Blocked, "blocked", 4, 0, 3, many);
        Assert.Equal(["c1", "c2", "c3", "c4", "a1"], Status(gpus, ready, changing, blocked).Problems.Select(p => p.Device));
    }

    [Fact]
    public void Notices_of_an_earlier_generation_or_of_an_agent_that_is_not_Ready_are_not_told()
    {
        var (old, gpus) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "priority: 1"));
        var notice = new DeviceProblem("0000:01:00.0", FindingState.Noticed, Reasons.NameChanged, "its words");
        var before = Node("a").Has(gpus).Reports(old, Reasons.Ready, "", 1, 1, 0, notice);
        var away = Node("b").Has(gpus).Reports(gpus, Reasons.Ready, "", 1, 1, 0, notice) with { Agent = AgentPresence.NotReady };
        Assert.Empty(Status(gpus, before, away).Problems);
    }

    [Fact]
    public void Releasing_tells_of_nodes_that_are_not_chosen_any_more_also_of_those_whose_agent_is_down()
    {
        var gpus = HostDevice("gpus", selector: "{matchLabels: {gpu: \"yes\"}}");
        var uid = gpus.Identity.Uid;
        var releasing = Node("a") with
        {
            Releasing =
            [
                new DeviceProblem("0000:43:00.0", FindingState.Releasing, Reasons.InUse, "vms/web has it", uid),
                new DeviceProblem("0000:44:00.0", FindingState.Releasing, Reasons.InUse, "vms/db has it", uid),
                new DeviceProblem("0000:45:00.0", FindingState.Releasing, Reasons.InUse, "another's", "other"),
            ],
        };
        var silent = Node("b").Reports(gpus, matched: 3);
        var down = Node("c").Reports(gpus, matched: 3) with { Agent = AgentPresence.NotReady };
        var half = releasing with { Name = "d", Agent = AgentPresence.NotReady };
        Assert.Equal(
            [
                new PolicyReleasing("a", 2, "vms/web has it"),
                new PolicyReleasing("b", 3, "the agent has not reported yet that it is given back"),
                new PolicyReleasing("c", 3, "its agent is not Ready: everything is given back once it is"),
                new PolicyReleasing("d", 2, "its agent is not Ready: vms/web has it"),
            ],
            Status(gpus, half, down, silent, releasing, Node("e")).Releasing
        );
        Assert.Equal(PolicyStatus.MostReleasing, Status(gpus, [.. Nodes(50).Select(n => n.Reports(gpus))]).Releasing.Length);
    }

    [Fact]
    public void The_time_of_a_condition_moves_only_with_its_status()
    {
        var gpus = HostDevice("gpus");
        var first = Status(gpus, Node("a").Has(gpus));
        Assert.All(first.Conditions, c => Assert.Equal(Now, c.LastTransitionTime));
        var later = Now.AddMinutes(5);
        var next = PolicyRollup.Status(
            Situation(gpus with { Status = first }, Node("a").Has(gpus).Reports(gpus, Reasons.NoMatch, matched: 0, ready: 0)),
            [Node("a")],
            later
        );
        Assert.Equal(
            [("Ready", "NoMatch", Now), ("Progressing", "Settled", later), ("Degraded", "AsDesired", Now)],
            next.Conditions.Select(c => (c.Type, c.Reason, c.LastTransitionTime!))
        );
    }

    [Fact]
    public void The_snippet_has_each_kind_of_device_once_whichever_node_has_it()
    {
        var gpus = HostDevice("gpus");
        NodeView Offers(string name, params string[] ids)
        {
            var node = Node(name).Has(gpus).Reports(gpus);
            return node with { Results = node.Results.SetItem(gpus.Identity.Uid, node.Results[gpus.Identity.Uid] with { Ids = [.. ids] }) };
        }

        Assert.Equal(
            "pciHostDevices:\n- pciVendorSelector: \"10DE:1EB8\"\n  resourceName: example.com/gpu\n  "
                + "externalResourceProvider: true\n- pciVendorSelector: \"10DE:2236\"\n  resourceName: example.com/gpu\n  "
                + "externalResourceProvider: true\n",
            Status(gpus, Offers("a", "10de:2236"), Offers("b", "10de:2236", "10de:1eb8")).Kubevirt
        );
        Assert.Null(Status(gpus, Node("a")).Kubevirt);
    }

    [Fact]
    public void Transitions_are_told_as_Warnings_exactly_where_somebody_must_act()
    {
        var gpus = HostDevice("gpus");
        var ready = Status(gpus, Node("a").Has(gpus).Reports(gpus));
        var blocked = Status(gpus, Node("a").Has(gpus).Reports(gpus, Reasons.Blocked, "blocked", blocked: 1));
        var away = Status(gpus, Node("a").Has(gpus) with { Agent = AgentPresence.NotReady });
        var progressing = Status(gpus, Node("a").Has(gpus));
        var nothing = Status(gpus, Node("a").Has(gpus).Reports(gpus, Reasons.NoMatch, matched: 0, ready: 0));
        Assert.Equal(["Normal RollingOut"], Told(null, progressing));
        Assert.Equal(["Normal Ready"], Told(progressing, ready));
        Assert.Equal([], Told(ready, ready));
        Assert.Equal(["Warning Blocked"], Told(ready, blocked));
        Assert.Equal(["Normal Ready"], Told(blocked, ready));
        Assert.Equal([], Told(ready, away));
        Assert.Equal([], Told(away, ready));
        Assert.Equal(["Warning Blocked"], Told(away, blocked)); // perhaps for the first time
        Assert.Equal(["Warning NoMatch"], Told(away, nothing));
        Assert.Equal(["Warning NoMatch"], Told(progressing, nothing));
        Assert.Equal(["Warning InvalidSpec"], Told(ready, Status(HostDevice("gpus", devices: ""), Node("a"))));

        static IEnumerable<string> Told(PolicyStatus? before, PolicyStatus after) =>
            PolicyTransitions.Of(before, after).Select(t => $"{(t.Type == EventType.Warning ? "Warning" : "Normal")} {t.Reason}");
    }

    private static PolicySituation Situation(ClusterPolicy policy, params NodeView[] nodes) =>
        Projector.Project(View([policy], nodes)).Policies.Single();

    private static PolicyStatus Status(ClusterPolicy policy, params NodeView[] nodes) =>
        PolicyRollup.Status(Situation(policy, nodes), nodes, Now);

    private static ImmutableArray<string> Conditions(PolicyStatus status) =>
        [.. status.Conditions.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Type}={c.Status} {c.Reason}: {c.Message}"))];
}
