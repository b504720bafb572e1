using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Projection;
using Xunit;
using static Hostdev.Tests.Projection.ClusterBuilder;

namespace Hostdev.Tests.Projection;

public sealed class ProjectorTests
{
    [Fact]
    public void A_node_gets_the_policies_that_select_it_and_no_other_node_is_written()
    {
        var gpus = HostDevice("gpus", selector: "{matchLabels: {gpu: \"yes\"}}");
        var projection = Projector.Project(View([gpus], [Node("a", ("gpu", "yes")), Node("b")]));

        var spec = Assert.Single(projection.Specs).Value;
        Assert.Equal(
            ("a", "a-node", "gpus"),
            (spec.Node, spec.NodeUid, Assert.IsType<NodeEntry.Give>(Assert.Single(spec.Entries)).Policy.Key.Name)
        );
    }

    [Fact]
    public void What_is_as_it_should_be_is_not_written_again()
    {
        var gpus = HostDevice("gpus");
        var first = Projector.Project(View([gpus], [Node("a")]));
        Assert.Single(first.Specs);
        Assert.Empty(Projector.Project(View([gpus], [Node("a").With(first)])).Specs);
    }

    [Fact]
    public void A_spec_that_somebody_edited_is_put_right()
    {
        var gpus = HostDevice("gpus");
        var edited = Node("a") with { Given = [gpus.Version with { Digest = new SpecDigest(1, 1) }] };
        Assert.IsType<NodeEntry.Give>(Assert.Single(Assert.Single(Projector.Project(View([gpus], [edited])).Specs).Value.Entries));
    }

    [Fact]
    public void A_policy_that_is_gone_leaves_every_node_at_once_whether_its_agent_lives_or_not()
    {
        var gpus = HostDevice("gpus");
        var nodes = Nodes(20)
            .Select(n => n with { Given = [gpus.Version], Agent = n.Name == "node-007" ? AgentPresence.NotReady : AgentPresence.Ready });
        var projection = Projector.Project(View([], nodes));
        Assert.Equal(20, projection.Specs.Count);
        Assert.All(projection.Specs.Values, s => Assert.Empty(s.Entries));
    }

    [Fact]
    public void A_change_reaches_a_tenth_of_the_nodes_at_a_time_and_goes_on_as_they_report()
    {
        var (old, changed) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "priority: 1"));
        var nodes = Nodes(30).Select(n => (n with { Given = [old.Version] }).Reports(old)).ToList();
        for (var round = 1; round <= 10; round++)
        {
            var projection = Projector.Project(View([changed], nodes));
            Assert.Equal(3, projection.Specs.Count);
            nodes = [.. nodes.Select(n => n.With(projection))];
            Assert.Empty(Projector.Project(View([changed], nodes)).Specs); // nobody has reported yet
            nodes = [.. nodes.Select(n => projection.Specs.ContainsKey(n.Name) ? n.Reports(changed) : n)];
        }

        Assert.All(nodes, n => Assert.Equal("gpus:2", n.Has()));
        Assert.Empty(Projector.Project(View([changed], nodes)).Specs);
    }

    [Theory]
    [InlineData("1", 200, 1)]
    [InlineData("25", 200, 25)]
    [InlineData("10%", 200, 20)]
    [InlineData("10%", 5, 1)]
    [InlineData("100%", 5, 5)]
    [InlineData("33%", 10, 4)]
    public void The_limit_is_a_number_or_a_share_rounded_up(string maxUnavailable, int nodes, int expected)
    {
        var policy = HostDevice("gpus", spec: $"rollout: {{maxUnavailable: \"{maxUnavailable}\"}}");
        Assert.Equal(expected, Projector.Project(View([policy], Nodes(nodes))).Specs.Count);
    }

    [Fact]
    public void A_node_that_turns_Degraded_halts_the_rollout_and_is_named()
    {
        var (old, changed) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "priority: 1"));
        var nodes = Nodes(30).Select(n => (n with { Given = [old.Version] }).Reports(old)).ToList();
        nodes[4] = (nodes[4] with { Given = [changed.Version] }).Reports(
            changed,
            Reasons.Blocked,
            "1 of 2 devices cannot be offered: vfio-pci is not loaded",
            blocked: 1
        );
        var projection = Projector.Project(View([changed], nodes));
        Assert.Empty(projection.Specs);
        Assert.Equal("node-005: 1 of 2 devices cannot be offered: vfio-pci is not loaded", projection.Policies[0].Rollout!.HaltedBy);

        nodes[4] = nodes[4].Reports(changed); // mended
        Assert.Equal(3, Projector.Project(View([changed], nodes)).Specs.Count);
    }

    [Theory]
    [InlineData(1L, true)] // ready with the generation before
    [InlineData(2L, true)] // ready with this one, and not any more
    [InlineData(0L, false)] // never: nothing was lost there
    [InlineData(null, true)] // an agent of the version before does not say it
    public void Only_a_node_that_was_ready_and_is_not_any_more_halts_a_rollout(long? ready, bool halts)
    {
        var (old, changed) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "priority: 1"));
        var nodes = Nodes(30).Select(n => (n with { Given = [old.Version] }).Reports(old)).ToList();
        foreach (var reason in (Reason[])[Reasons.Blocked, Reasons.Frozen])
        {
            nodes[4] = (nodes[4] with { Given = [changed.Version] })
                .Reports(changed, reason, "vfio-pci is not loaded", blocked: 1)
                .WasReady(changed, ready);
            var projection = Projector.Project(View([changed], nodes));
            Assert.Equal(halts ? 0 : 3, projection.Specs.Count);
            Assert.Equal(halts ? "node-005: vfio-pci is not loaded" : null, projection.Policies[0].Rollout!.HaltedBy);
        }
    }

    [Fact]
    public void A_new_policy_that_is_blocked_on_one_node_reaches_the_others_and_the_node_holds_no_place()
    {
        var gpus = HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}");
        var nodes = Nodes(4).ToList();
        for (var given = 1; given <= 4; given++)
        {
            var projection = Projector.Project(View([gpus], nodes));
            Assert.Equal($"node-00{given}", Assert.Single(projection.Specs).Key);
            nodes = [.. nodes.Select(n => n.With(projection))];
            var (reason, blocked) = given < 3 ? (Reasons.Blocked, 1) : (Reasons.Ready, 0);
            nodes[given - 1] = nodes[given - 1].Reports(gpus, reason, "b", blocked: blocked).WasReady(gpus, given < 3 ? 0 : 1);
        }

        Assert.Empty(Projector.Project(View([gpus], nodes)).Specs);
    }

    [Fact]
    public void With_all_nodes_at_a_time_nothing_halts_it()
    {
        var changed = HostDevice("gpus", spec: "rollout: {maxUnavailable: \"100%\"}");
        var nodes = Nodes(3).ToList();
        nodes[0] = (nodes[0] with { Given = [changed.Version] }).Reports(changed, Reasons.Blocked, "blocked", blocked: 1);
        Assert.Equal(2, Projector.Project(View([changed], nodes)).Specs.Count);
    }

    [Fact]
    public void A_node_without_a_live_agent_gets_no_change_and_holds_no_place()
    {
        var gpus = HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}");
        var nodes = Nodes(3).ToList();
        nodes[0] = nodes[0] with { Agent = AgentPresence.NotReady };
        Assert.Equal("node-002", Assert.Single(Projector.Project(View([gpus], nodes)).Specs).Key);
    }

    [Theory]
    [InlineData(nameof(Reasons.Ready))]
    [InlineData(nameof(Reasons.NoMatch))]
    public void A_node_that_was_done_before_it_went_away_holds_no_place(string reason)
    {
        var gpus = HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}");
        var nodes = Nodes(3).ToList();
        nodes[0] = (nodes[0] with { Given = [gpus.Version], Agent = AgentPresence.NotReady }).Reports(gpus, Reasons.Of(reason));
        Assert.Equal("node-002", Assert.Single(Projector.Project(View([gpus], nodes)).Specs).Key);
    }

    [Fact]
    public void A_node_that_went_away_with_a_version_of_which_it_never_said_that_it_is_done_holds_its_place()
    {
        var (old, changed) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "rollout: {maxUnavailable: '1'}"));
        var waits = new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.InUse, "vms/a has it");
        foreach (
            var last in (Func<NodeView, NodeView>[])
                [
                    n => n,
                    n => n.Reports(old),
                    n => n.Reports(changed, Reasons.Progressing),
                    n => n.Reports(changed, Reasons.Progressing, "waits", 1, 0, 0, waits),
                ]
        )
        {
            var nodes = Nodes(3).ToList();
            nodes[0] = last(nodes[0] with { Given = [changed.Version], Agent = AgentPresence.NotReady });
            var projection = Projector.Project(View([changed], nodes));
            Assert.Empty(projection.Specs);
            Assert.Equal(["node-001"], projection.Policies[0].Rollout!.Silent);
        }
    }

    [Fact]
    public void A_rollout_stays_halted_when_the_agent_of_the_node_that_halts_it_goes_away()
    {
        var (old, changed) = (HostDevice("gpus"), HostDevice("gpus", generation: 2, spec: "priority: 1"));
        var nodes = Nodes(30).Select(n => (n with { Given = [old.Version] }).Reports(old)).ToList();
        nodes[4] = (nodes[4] with { Given = [changed.Version], Agent = AgentPresence.NotReady }).Reports(
            changed,
            Reasons.Blocked,
            "vfio-pci is not loaded",
            blocked: 1
        );
        var projection = Projector.Project(View([changed], nodes));
        Assert.Empty(projection.Specs);
        Assert.Equal(
            (0, "node-005: vfio-pci is not loaded"),
            (projection.Policies[0].Rollout!.Changing, projection.Policies[0].Rollout!.HaltedBy)
        );
    }

    [Fact]
    public void A_node_whose_VMs_hold_the_devices_does_not_hold_up_the_others()
    {
        var gpus = HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}");
        var nodes = Nodes(3).ToList();
        nodes[0] = (nodes[0] with { Given = [gpus.Version] }).Reports(
            gpus,
            Reasons.Progressing,
            "waits",
            1,
            0,
            0,
            new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.InUse, "vms/a has it")
        );
        Assert.Equal("node-002", Assert.Single(Projector.Project(View([gpus], nodes)).Specs).Key);

        var cordon = HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}\ndisruption: Cordon");
        nodes[0] = (nodes[0] with { Given = [cordon.Version] }).Reports(
            cordon,
            Reasons.Progressing,
            "waits",
            1,
            0,
            0,
            new DeviceProblem("0000:43:00.0", FindingState.Waiting, Reasons.InUse, "vms/a has it")
        );
        Assert.Empty(Projector.Project(View([cordon], nodes)).Specs); // it offers nothing meanwhile
    }

    [Theory]
    [InlineData("InUse", true)]
    [InlineData("StillHeld", true)] // a process has it, though its pod is gone
    [InlineData("NodeAnswered", true)] // another pod was given its node
    [InlineData("NoVfs", true)] // beside a user: virtual functions that somebody else makes
    [InlineData("AllocateFailed", false)]
    [InlineData("AWordOfANewerAgent", false)]
    public void Whoever_the_users_are_that_are_waited_for_they_do_not_hold_up_the_other_nodes(string reason, bool goesOn)
    {
        var gpus = HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}");
        var nodes = Nodes(3).ToList();
        DeviceProblem[] problems =
        [
            new("0000:43:00.0", FindingState.Waiting, Reasons.Of(reason), "x"),
            new("0000:44:00.0", FindingState.Waiting, Reasons.InUse, "x"),
            new("0000:44:00.1", FindingState.Held, Reasons.HeldSibling, "x"),
            new("0000:45:00.0", FindingState.Adopted, Reasons.Adopted, "x"),
        ];
        nodes[0] = (nodes[0] with { Given = [gpus.Version] }).Reports(gpus, Reasons.Progressing, "waits", 3, 1, 0, problems);
        Assert.Equal(goesOn ? ["node-002"] : [], Projector.Project(View([gpus], nodes)).Specs.Keys);
    }

    /// <summary>
    /// Agents may be a version ahead: what they say then is neither done nor refused, so it takes a place and halts nobody.
    /// </summary>
    [Theory]
    [InlineData("AWordOfANewerAgent", "Waiting", "StepFailed")]
    [InlineData("Progressing", "AStateOfANewerAgent", "InUse")]
    [InlineData("Progressing", "Waiting", "AWordOfANewerAgent")]
    public void A_node_that_says_words_which_nobody_knows_holds_its_place_and_halts_nobody(string result, string state, string reason)
    {
        var gpus = HostDevice("gpus", spec: "rollout: {maxUnavailable: '2'}");
        var nodes = Nodes(3).ToList();
        DeviceProblem[] problems =
        [
            new("0000:43:00.0", FindingState.Of(state), Reasons.Of(reason), "x"),
            new("0000:44:00.0", FindingState.Waiting, Reasons.Of(reason), "x"),
        ];
        nodes[0] = (nodes[0] with { Given = [gpus.Version] }).Reports(gpus, Reasons.Of(result), "says something", 2, 0, 0, problems);
        var projection = Projector.Project(View([gpus], nodes));
        Assert.Equal(["node-002"], projection.Specs.Keys);
        Assert.Equal((1, (string?)null), (projection.Policies[0].Rollout!.Changing, projection.Policies[0].Rollout!.HaltedBy));
    }

    /// <summary>It offers what is there, and nobody else need wait for what somebody has to make.</summary>
    [Theory]
    [InlineData("WhenIdle")]
    [InlineData("Cordon")]
    public void A_node_that_lacks_virtual_functions_which_pools_name_is_not_ready_and_holds_up_nobody(string disruption)
    {
        var gpus = HostDevice("gpus", spec: $"rollout: {{maxUnavailable: '1'}}\ndisruption: {disruption}");
        var nodes = Nodes(3).ToList();
        var lacks = new DeviceProblem("0000:41:00.0", FindingState.Waiting, Reasons.NoVfs, "0000:41:00.0 has 8 VFs, and pool a names 0-15");
        nodes[0] = (nodes[0] with { Given = [gpus.Version] }).Reports(gpus, Reasons.Progressing, "lacks", 16, 8, 0, lacks);
        Assert.Equal(["node-002"], Projector.Project(View([gpus], nodes)).Specs.Keys);
    }

    [Fact]
    public void A_node_without_a_spec_gets_everything_at_once_because_what_its_first_list_lacks_would_be_given_back()
    {
        var policies = new[]
        {
            HostDevice("gpus", spec: "rollout: {maxUnavailable: '1'}"),
            HostDevice("nics", "example.com/nic", spec: "rollout: {maxUnavailable: '1'}"),
        };
        var nodes = Nodes(5).Select(n => n with { Given = null });
        var projection = Projector.Project(View(policies, nodes));
        Assert.Equal(5, projection.Specs.Count);
        Assert.All(projection.Specs.Values, s => Assert.Equal(2, s.Entries.Length));
    }

    [Fact]
    public void A_node_without_any_policy_gets_an_explicit_empty_list()
    {
        var spec = Assert.Single(Projector.Project(View([], [Node("a") with { Given = null }])).Specs).Value;
        Assert.Empty(spec.Entries);
    }

    [Fact]
    public void Neither_a_node_without_agent_and_state_nor_a_state_without_a_node_is_written()
    {
        var nodes = new[] { Node("a") with { Agent = AgentPresence.None, Given = null }, Node("b") with { Uid = null } };
        Assert.Empty(Projector.Project(View([HostDevice("gpus")], nodes)).Specs);
    }

    [Fact]
    public void The_later_of_two_policies_whose_names_conflict_is_held_back_whatever_its_priority()
    {
        var usb = HostDevice(
            "usb",
            "example.com/dev",
            created: 1,
            devices: "usb: {selectors: [{vendor: \"0951\"}]}",
            spec: "priority: 100"
        );
        var pci = HostDevice("pci", "example.com/dev");
        var projection = Projector.Project(View([usb, pci], [Node("a")]));
        Assert.Equal("pci", Assert.Single(Assert.Single(projection.Specs).Value.Entries).Version.Key.Name);
        Assert.Equal(
            (
                "usb",
                Reasons.ResourceNameConflict,
                "HostDevice/usb uses example.com/dev for usb devices but HostDevice/pci uses it for pci devices: a "
                    + "resource name has one kind of device; use another name"
            ),
            (projection.Policies[0].Policy.Key.Name, projection.Policies[0].HeldBack!.Reason, projection.Policies[0].HeldBack!.Message)
        );
    }

    [Fact]
    public void Names_that_KubeVirt_cannot_tell_apart_conflict_too()
    {
        var projection = Projector.Project(
            View([HostDevice("a", "example.com/x.y"), HostDevice("b", "example.com/x_y", created: 1)], [Node("n")])
        );
        Assert.Contains(
            "KubeVirt cannot tell from example.com/x.y of HostDevice/a",
            projection.Policies.Single(p => p.Policy.Key.Name == "b").HeldBack!.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_is_in_force_stays_while_a_later_version_of_it_is_wrong()
    {
        var good = HostDevice("gpus");
        var wrong = HostDevice("gpus", generation: 2, devices: "");
        var projection = Projector.Project(View([wrong], [Node("a") with { Given = [good.Version] }, Node("b")]));
        Assert.Empty(projection.Specs);
        Assert.Equal(
            (Reasons.InvalidSpec, true),
            (
                projection.Policies[0].HeldBack!.Reason,
                projection.Policies[0].HeldBack!.Message.Contains("give exactly one", StringComparison.Ordinal)
            )
        );
    }

    [Fact]
    public void A_field_that_this_operator_does_not_know_is_handed_on_for_the_agents_to_judge()
    {
        var newer = HostDevice("gpus", spec: "frobnicate: true");
        var given = Assert.IsType<NodeEntry.Give>(
            Assert.Single(Assert.Single(Projector.Project(View([newer], [Node("a")])).Specs).Value.Entries)
        );
        Assert.True(given.Policy.Spec.GetProperty("frobnicate").GetBoolean());
    }

    [Fact]
    public void A_policy_that_was_deleted_and_made_anew_keeps_what_it_had_until_the_new_one_s_turn()
    {
        var (old, fresh) = (HostDevice("gpus"), HostDevice("gpus", uid: "another", spec: "rollout: {maxUnavailable: '1'}"));
        var nodes = Nodes(2).Select(n => n with { Given = [old.Version] });
        var specs = Projector.Project(View([fresh], nodes)).Specs;
        Assert.Equal(["another"], specs.Values.Select(s => s.Entries.Select(e => e.Version.Uid).FirstOrDefault("")));
    }

    [Fact]
    public void What_vanished_with_its_CRD_stays_in_force_and_so_does_what_is_older_than_the_CRD_that_came_back()
    {
        var gpus = HostDevice("gpus");
        var node = Node("a") with { Given = [gpus.Version] };
        Assert.Empty(Projector.Project(View([], [node]) with { Kinds = AllKinds.Remove("HostDevice") }).Specs);
        Assert.Empty(
            Projector
                .Project(
                    View([], [node]) with
                    {
                        Kinds = AllKinds.SetItem("HostDevice", new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero)),
                    }
                )
                .Specs
        );
        Assert.Empty(Assert.Single(Projector.Project(View([], [node])).Specs).Value.Entries); // deleted by somebody
    }

    [Fact]
    public void While_a_kind_is_not_served_no_node_gets_its_first_list()
    {
        Assert.Empty(Projector.Project(View([], [Node("a") with { Given = null }]) with { Kinds = AllKinds.Remove("MdevProfile") }).Specs);
    }

    [Fact]
    public void A_node_that_is_to_give_back_has_no_policies_whatever_selects_it()
    {
        var gpus = HostDevice("gpus");
        var projection = Projector.Project(View([gpus], [Node("a") with { GiveBack = true, Given = [gpus.Version] }]));
        Assert.Empty(Assert.Single(projection.Specs).Value.Entries);
        Assert.Empty(projection.Policies[0].Selected);
    }

    [Fact]
    public void A_relabelled_node_loses_and_gains_alone()
    {
        var policies = new[]
        {
            HostDevice("gpus", selector: "{matchLabels: {pool: gpu}}"),
            HostDevice("nics", "example.com/nic", selector: "{matchLabels: {pool: net}}"),
        };
        var nodes = Nodes(10)
            .Select(n =>
                (
                    n with
                    {
                        Labels = ImmutableSortedDictionary<string, string>.Empty.Add("pool", "gpu"),
                        Given = [policies[0].Version],
                    }
                ).Reports(policies[0])
            )
            .ToList();
        Assert.Empty(Projector.Project(View(policies, nodes)).Specs);
        nodes[3] = nodes[3] with { Labels = nodes[3].Labels.SetItem("pool", "net") };
        var spec = Assert.Single(Projector.Project(View(policies, nodes)).Specs).Value;
        Assert.Equal(("node-004", "nics"), (spec.Node, Assert.Single(spec.Entries).Version.Key.Name));
    }

    [Fact]
    public void The_order_of_policies_and_nodes_in_the_view_does_not_matter()
    {
        var policies = Enumerable
            .Range(0, 6)
            .Select(i => HostDevice($"p{i}", $"example.com/p{i}", spec: $"priority: {i % 3}\nrollout: {{maxUnavailable: '2'}}", created: i))
            .ToList();
        var nodes = Nodes(12).ToList();
        string Text(ClusterProjection p) =>
            string.Join('\n', p.Specs.Values.Select(s => $"{s.Node}: {string.Join(' ', s.Entries.Select(e => e.Version.Key))}"));
        var forward = Text(Projector.Project(View(policies, nodes)));
        policies.Reverse();
        nodes.Reverse();
        Assert.Equal(forward, Text(Projector.Project(View(policies, nodes))));
        Assert.StartsWith(
            "node-001: HostDevice/p2 HostDevice/p5 HostDevice/p1 HostDevice/p4 HostDevice/p0 HostDevice/p3\n",
            forward,
            StringComparison.Ordinal
        );
    }
}
