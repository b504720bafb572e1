using System.Text;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>The objects as operator and agent read and write them.</summary>
public sealed class ObjectRecordTests
{
    private const string State = """
        {
          "apiVersion": "hostdev.io/v1alpha1", "kind": "NodeDeviceState",
          "metadata": {"name": "node-7", "uid": "u", "resourceVersion": "12", "generation": 4,
            "creationTimestamp": "2026-01-02T03:04:05Z", "managedFields": [{"manager": "x"}]},
          "spec": {"projectedAt": "2026-01-02T03:04:05Z", "policies": [
            {"kind": "HostDevice", "name": "gpus", "uid": "p1", "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z",
             "spec": {"b": 1, "a": [true, null, "\u003c"]}},
            {"kind": "Newer", "name": "x", "uid": "p2", "generation": 1, "spec": {}}]},
          "status": {"newer": 5, "observedGeneration": 3,
            "allocations": [{"id": "0000:01:00.0", "resource": "a.com/b"}, {"id": "0000:02:00.0", "resource": "a.com/b"},
              {"id": "x", "resource": "a.com/c"}],
            "policies": [{"kind": "HostDevice", "name": "gpus", "uid": "p1", "generation": 2, "matched": 3, "ready": 2, "blocked": 1,
              "reason": "Blocked", "message": "m", "problems": [PROBLEMS]}],
            "conditions": [{"type": "Ready", "status": "False", "reason": "NotAsDesired", "message": "m",
              "lastTransitionTime": "2026-01-02T03:04:05Z"}]}
        }
        """;

    [Fact]
    public void A_summary_keeps_what_an_operator_needs_and_counts_the_rest()
    {
        var summary = Read(
            HostdevKinds.NodeDeviceStateSummaries,
            State.Replace(
                "PROBLEMS",
                string.Join(
                    ", ",
                    Enumerable.Range(0, 9).Select(i => $$"""{"device": "d{{i}}", "state": "Blocked", "reason": "InUse", "message": "m"}""")
                ),
                StringComparison.Ordinal
            )
        );

        Assert.Equal(("node-7", "12", 4), (summary.Metadata.Name, summary.Metadata.ResourceVersion, summary.Metadata.Generation));
        Assert.Equal(
            ["HostDevice/gpus/p1/2", "Newer/x/p2/1"],
            summary.Spec!.Policies.Select(p => $"{p.Kind}/{p.Name}/{p.Uid}/{p.Generation}")
        );
        Assert.Equal(SpecDigest.Of(Json("""{"a": [true, null, "<"], "b": 1}""")), summary.Spec.Policies[0].Digest);
        Assert.Equal([("a.com/b", 2), ("a.com/c", 1)], summary.Status!.AllocatedByResource.Select(a => (a.Key, a.Value)));
        Assert.Equal(["d0", "d1", "d2", "d3", "d4"], Assert.Single(summary.Status.Policies).Problems.Select(p => p.Device));
        Assert.Equal((3, "False"), (summary.Status.ObservedGeneration, Assert.Single(summary.Status.Conditions).Status));
    }

    /// <summary>
    /// By these an operator judges whether all that is left waits for VMs: eight held siblings must not hide what is waited for, nor fifty
    /// users one failure.
    /// </summary>
    [Fact]
    public void Of_many_problems_a_summary_keeps_what_is_in_the_way_and_one_of_each_reason_before_a_second()
    {
        (string Device, FindingState State, Reason Reason)[] problems =
        [
            .. Enumerable.Range(0, 8).Select(i => ($"held{i}", FindingState.Held, Reasons.HeldSibling)),
            .. Enumerable.Range(0, 50).Select(i => ($"used{i}", FindingState.Waiting, Reasons.InUse)),
            ("failed", FindingState.Waiting, Reasons.AllocateFailed),
            ("blocked", FindingState.Blocked, Reasons.Protected),
        ];
        var written = problems.Select(p =>
            $$"""{"device": "{{p.Device}}", "state": "{{p.State}}", "reason": "{{p.Reason}}", "message": "m"}"""
        );
        var summary = Read(
            HostdevKinds.NodeDeviceStateSummaries,
            State.Replace("PROBLEMS", string.Join(", ", written), StringComparison.Ordinal)
        );
        Assert.Equal(
            ["blocked", "used0", "failed", "used1", "used2"],
            Assert.Single(summary.Status!.Policies).Problems.Select(p => p.Device)
        );
    }

    [Theory]
    [InlineData("""{"readyGeneration": 4, "generation": 7, "reason": "Blocked"}""", 4L)]
    [InlineData("""{"readyGeneration": 0, "generation": 7, "reason": "Blocked"}""", 0L)]
    [InlineData("""{"generation": 7, "reason": "Ready"}""", 7L)] // of an agent of the version before
    [InlineData("""{"generation": 7, "reason": "Blocked"}""", null)]
    [InlineData("""{"readyGeneration": "x", "generation": 7, "reason": "Blocked"}""", null)]
    public void Which_generation_was_Ready_can_be_read_whoever_wrote_the_rest(string result, long? expected)
    {
        var policy = result.Replace("{\"", "{\"uid\": \"u1\", \"", StringComparison.Ordinal);
        var read = NodeDeviceStateReader.ReadReadyGenerations(Json($$"""{"policies": [7, {}, {{policy}}]}"""));
        Assert.Equal(expected, read.TryGetValue("u1", out var generation) ? generation : null);
        Assert.Empty(NodeDeviceStateReader.ReadReadyGenerations(null));
        Assert.Empty(NodeDeviceStateReader.ReadReadyGenerations(Json("""{"policies": 7}""")));
    }

    /// <summary>One node with an agent of another version must not hide all others.</summary>
    [Theory]
    [InlineData("""{"metadata": {"name": "n"}}""")]
    [InlineData("""{"metadata": {"name": "n"}, "spec": {}, "status": {}}""")]
    [InlineData(
        """{"metadata": {"name": "n"}, "spec": {"policies": [{}]}, "status": {"policies": [{}], "allocations": {}, "conditions": []}}"""
    )]
    public void A_summary_of_half_an_object_is_readable(string json) =>
        Assert.Equal("n", Read(HostdevKinds.NodeDeviceStateSummaries, json).Metadata.Name);

    [Fact]
    public void A_state_that_was_not_projected_has_no_spec_and_an_empty_one_has()
    {
        Assert.Null(Read(HostdevKinds.NodeDeviceStates, """{"metadata": {"name": "n"}}""").Spec);
        Assert.Equal(
            0,
            Read(HostdevKinds.NodeDeviceStates, """{"metadata": {"name": "n"}, "spec": {"policies": []}}""")
                .Spec!.Value.GetProperty("policies")
                .GetArrayLength()
        );
    }

    [Theory]
    [InlineData("""{"host": {"kernel": "6.8"}}""")]
    [InlineData("""{"host": 7, "devices": "none"}""")]
    [InlineData("""{"conditions": [{"type": "Ready", "lastTransitionTime": "yesterday"}]}""")]
    [InlineData("\"text\"")]
    public void A_status_of_another_version_keeps_nobody_from_the_spec_and_stands_there_word_for_word(string status)
    {
        var state = Read(
            HostdevKinds.NodeDeviceStates,
            $$"""{"metadata": {"name": "n"}, "spec": {"policies": []}, "status": {{status}}}"""
        );
        Assert.Equal((0, status), (state.Spec!.Value.GetProperty("policies").GetArrayLength(), state.StatusText!.Value.GetRawText()));
        Assert.Null(state.Status);
        Assert.Empty(NodeDeviceStateReader.ReadConditions(state.StatusText));
    }

    [Fact]
    public void Conditions_can_be_read_where_the_rest_cannot()
    {
        var state = Read(
            HostdevKinds.NodeDeviceStates,
            """{"status": {"conditions": [7, {"type": "Ready", "status": "True", "reason": "r", "message": "m","""
                + """ "lastTransitionTime": "2026-01-02T03:04:05Z"}, {}]}}"""
        );
        Assert.Equal(
            ("Ready", 2026),
            (
                Assert.Single(NodeDeviceStateReader.ReadConditions(state.StatusText)).Type,
                NodeDeviceStateReader.ReadConditions(state.StatusText)[0].LastTransitionTime!.Value.Year
            )
        );
    }

    [Fact]
    public void What_the_operator_does_not_know_of_a_policy_reaches_the_node()
    {
        var policy = Read(
            HostdevKinds.HostDevices,
            """{"apiVersion": "hostdev.io/v1alpha1", "kind": "HostDevice", "metadata": {"name": "x", "uid": "1","""
                + """ "generation": 2}, "spec": {"shade": {"of": ["blue"]}}}"""
        );
        var written = Write(
            HostdevKinds.NodeProjections,
            new NodeProjection
            {
                Metadata = new ObjectMeta { Name = "node-7" },
                Spec = new NodeProjectionSpec
                {
                    ProjectedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(1)),
                    Policies =
                    [
                        new ProjectedPolicy(
                            policy.Kind,
                            policy.Metadata.Name,
                            policy.Metadata.Uid!,
                            policy.Metadata.Generation,
                            policy.Spec
                        ),
                    ],
                },
            }
        );

        Assert.Equal(
            ("hostdev.io/v1alpha1", "NodeDeviceState", "2026-01-02T02:04:05Z"),
            (
                written.GetProperty("apiVersion").GetString(),
                written.GetProperty("kind").GetString(),
                written.GetProperty("spec").GetProperty("projectedAt").GetString()
            )
        );
        Assert.Equal(
            """{"shade": {"of": ["blue"]}}""",
            written
                .GetProperty("spec")
                .GetProperty("policies")[0]
                .GetProperty("spec")
                .GetRawText()
                .Replace("\":", "\": ", StringComparison.Ordinal)
                .Replace(":  ", ": ", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_policy_s_status_is_written_with_its_columns_and_as_metav1_has_conditions()
    {
        var status = new PolicyStatus
        {
            ObservedGeneration = 2,
            Conditions =
            [
                new Condition(
                    "Ready",
                    ConditionStatus.False,
                    "NoMatch",
                    "no node has such a device",
                    new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
                    2
                ),
            ],
            Nodes = new NodeCounts(Matched: 3, Ready: 2, Unknown: 1),
            Devices = new DeviceCounts(Matched: 8, Ready: 5, Allocated: 1),
            Problems = [new PolicyProblem("node-7", Reasons.InUse, "m", "0000:01:00.0")],
            Releasing = [new PolicyReleasing("node-8", 1, "pod a/b has it")],
        };
        var written = Write(HostdevKinds.HostDevices, new PolicyObject { Spec = Json("{}"), Status = status }).GetProperty("status");

        Assert.Equal(
            ("2/3", "5/8"),
            (
                written.GetProperty("nodes").GetProperty("summary").GetString(),
                written.GetProperty("devices").GetProperty("summary").GetString()
            )
        );
        Assert.Equal(
            """{"type":"Ready","status":"False","reason":"NoMatch","message":"no node has such a """
                + """device","lastTransitionTime":"2026-01-02T03:04:05Z","observedGeneration":2}""",
            written.GetProperty("conditions")[0].GetRawText()
        );
        var back = Read(HostdevKinds.HostDevices, $$"""{"metadata": {}, "spec": {}, "status": {{written.GetRawText()}}}""").Status!;
        Assert.Equal(
            (status.Nodes, status.Devices, status.Problems[0], status.Releasing[0], status.Conditions[0]),
            (back.Nodes, back.Devices, back.Problems[0], back.Releasing[0], back.Conditions[0])
        );
    }

    [Theory]
    [InlineData("""{"a": 1, "b": [1, 2]}""", """{"b":[1,2],"a":1}""", true)]
    [InlineData("""{"a": 1.0}""", """{"a": 1.00}""", true)]
    [InlineData("""{"a": "\u0041"}""", """{"a": "A"}""", true)]
    [InlineData("""{"a": [1, 2]}""", """{"a": [2, 1]}""", false)]
    [InlineData("""{"a": 1}""", """{"a": "1"}""", false)]
    [InlineData("""{"a": null}""", "{}", false)]
    [InlineData("""{"a": {"b": 1}}""", """{"a": {"b": 2}}""", false)]
    public void A_digest_is_of_what_a_value_means(string one, string other, bool same) =>
        Assert.Equal(same, SpecDigest.Of(Json(one)) == SpecDigest.Of(Json(other)));

    private static T Read<T>(KubeKind<T> kind, string json)
        where T : class, IKubeObject => JsonSerializer.Deserialize(json, kind.Json)!;

    private static JsonElement Write<T>(KubeKind<T> kind, T value)
        where T : class, IKubeObject => Json(Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(value, kind.Json)));

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
