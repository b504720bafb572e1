using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Rules;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>
/// What the fixtures of <c>testdata/crds</c> do not show: how an agent tells it, and specs that no API server has looked at.
/// </summary>
public sealed class PolicyRulesTests
{
    [Fact]
    public void Every_problem_is_reported_at_once_with_its_field_and_value()
    {
        var problem = Problem(
            "HostDevice",
            """{"resourceName": "a.com/b", "nodeSelector": {}, "priority": "high","""
                + """ "devices": {"pci": {"selectors": [{}], "driver": {"type": "Named"}, "members": [{"function": 9}]}}}"""
        );

        Assert.Equal(
            "HostDevice/x: spec.devices.pci.selectors[0]: a selector without a property would select every device: give it at least one; "
                + "spec.devices.pci.driver.name: name is required with type Named: name a driver of /sys/bus/pci/drivers; "
                + "spec.devices.pci.members[0].function: 9: a slot has functions 0 to 7; "
                + "spec.priority: the value has the wrong type: write a whole number",
            problem
        );
    }

    [Fact]
    public void A_spec_without_its_defaults_is_judged_like_one_with_them()
    {
        Assert.Empty(
            Refusals(
                "SriovPolicy",
                """{"nodeSelector": {}, "physicalFunctions": [{"driver": "igb"}], "numVfs": 2, "pools": [{"name": "a","""
                    + """ "vfs": [{"first": 0, "last": 1}], "resourceName": "a.com/b"}]}"""
            )
        );
        Assert.Equal(
            "spec.numVfs",
            Assert.Single(Refusals("SriovPolicy", """{"nodeSelector": {}, "physicalFunctions": [{"driver": "igb"}]}""")).Path
        );
    }

    [Fact]
    public void A_range_without_an_end_is_told_what_is_missing() =>
        Assert.Equal(
            "SriovPolicy/x: spec.pools[0].vfs[0]: last is required",
            Problem(
                "SriovPolicy",
                """{"nodeSelector": {}, "physicalFunctions": [{"driver": "igb"}], "numVfs": 2, "pools": [{"name": "a","""
                    + """ "vfs": [{"first": 0}], "resourceName": "a.com/b"}]}"""
            )
        );

    /// <summary>Rules are asked before types are: none of them may stumble over a value that is not what it should be.</summary>
    [Theory]
    [InlineData("null")]
    [InlineData("5")]
    [InlineData("1.5")]
    [InlineData("\"text\"")]
    [InlineData("true")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("[[]]")]
    [InlineData("[5]")]
    public void A_rule_survives_any_value_in_any_place(string value)
    {
        foreach (var kind in CrdFiles.PolicyKinds)
        {
            foreach (var location in PolicyRules.Of(kind).Select(r => r.Location).Distinct())
            {
                var json = value;
                foreach (var segment in location.Split('.').Skip(1).Reverse())
                {
                    var name = segment.Split('[')[0];
                    json = segment == name ? $"{{\"{name}\": {json}}}" : $"{{\"{name}\": [{json}]}}";
                }

                var refusals = Refusals(kind, json);
                Assert.All(refusals, r => Assert.StartsWith("spec", r.Path, StringComparison.Ordinal));
                Assert.DoesNotContain(Refusals(kind, json, json), r => r.Message.Contains("cannot be changed", StringComparison.Ordinal));
            }
        }
    }

    /// <summary>
    /// A rule that comes with an update finds objects that break it: whoever edits one elsewhere is not kept from it (KEP-4008).
    /// </summary>
    [Fact]
    public void What_an_update_leaves_as_it_was_is_refused_by_no_rule_and_what_it_writes_is()
    {
        const string spec = """{"resourceName": "devices.kubevirt.io/kvm", "devices": {"pci": {"selectors": [{"vendor": "x"}]}}}""";
        var elsewhere = spec.Replace("{\"resourceName\"", "{\"nodeSelector\": {}, \"resourceName\"", StringComparison.Ordinal);
        var another = spec.Replace("{\"vendor\": \"x\"}", "{\"vendor\": \"x\"}, {\"slot\": \"7\"}", StringComparison.Ordinal);

        Assert.Equal(["spec.nodeSelector", "spec.resourceName", "spec.devices.pci.selectors[0].vendor"], Paths(spec, null));
        Assert.Empty(Paths(spec, spec));
        Assert.Empty(Paths(elsewhere, spec));
        Assert.Equal(["spec.nodeSelector", "spec.devices.pci.selectors[0].vendor"], Paths(another, spec));

        static IEnumerable<string> Paths(string spec, string? old) => Refusals("HostDevice", spec, old).Select(r => r.Path);
    }

    /// <summary>
    /// As API servers do since 1.30 (KEP-4008), so that a rule that became stricter is in nobody's way who changes something else.
    /// </summary>
    [Fact]
    public void What_did_not_change_at_an_update_is_not_refused()
    {
        static string Spec(string mode, int priority) =>
            $$$"""{"resourceName": "a.com/b", "nodeSelector": {}, "priority": {{{priority}}}, "deviceFile": {"mode": "{{{mode}}}"},"""
            + """ "devices": {"pci": {"selectors": [{"slot": "7"}]}}}""";
        Assert.Equal("spec.deviceFile.mode", Assert.Single(Refusals("HostDevice", Spec("0666", 1))).Path);
        Assert.Empty(Refusals("HostDevice", Spec("0666", 2), Spec("0666", 1)));
        Assert.Single(Refusals("HostDevice", Spec("0606", 1), Spec("0666", 1)));
        Assert.Single(Refusals("HostDevice", Spec("0666", 1), Spec("0660", 1)));
        Assert.Empty(Refusals("HostDevice", Spec("0660", 1), Spec("0666", 1)));
    }

    /// <summary>What stands in the API server was admitted, by this version's CRDs or by those before.</summary>
    [Fact]
    public void The_operator_hands_on_what_was_admitted_before_a_rule_was()
    {
        const string spec =
            """{"resourceName": "a.com/b", "nodeSelector": {}, "deviceFile": {"mode": "0666"},"""
            + """ "devices": {"pci": {"selectors": [{"slot": "7"}]}}}""";
        Assert.IsType<DesiredPolicy.OfHostDevice>(PolicyReader.Read("HostDevice", new ObjectMeta { Name = "x" }, Json(spec)));
    }

    [Fact]
    public void A_risk_that_this_version_does_not_know_freezes_with_those_that_it_knows() =>
        Assert.Equal(
            "HostDevice/x: spec.acceptRisks[0]: \"ByMoonlight\" is not one of UnsafeInterrupts, UnknownInterruptRemapping, AcsOverride, "
                + "NoReset, PhysicalFunctionOnVfio, SlowUnbind, Reset",
            Problem(
                "HostDevice",
                """{"resourceName": "a.com/b", "nodeSelector": {}, "acceptRisks": ["ByMoonlight"],"""
                    + """ "devices": {"pci": {"selectors": [{"slot": "7"}]}}}"""
            )
        );

    [Fact]
    public void A_kind_that_is_none_of_ours_has_no_rules() => Assert.Empty(Refusals("Pod", "{}"));

    [Fact]
    public void A_policy_of_the_API_server_is_read_with_its_identity()
    {
        var metadata = new ObjectMeta
        {
            Name = "gpus",
            Uid = "7c1b",
            Generation = 3,
            CreationTimestamp = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        };
        var policy = Assert.IsType<DesiredPolicy.OfHostDevice>(
            PolicyReader.Read(
                "HostDevice",
                metadata,
                Json(
                    """{"resourceName": "a.com/b", "nodeSelector": {}, "rollout": {"maxUnavailable": 3},"""
                        + """ "devices": {"pci": {"selectors": [{"slot": "7"}]}}}"""
                )
            )
        );

        Assert.Equal(new PolicyIdentity("HostDevice", "gpus", "7c1b", 3, metadata.CreationTimestamp), policy.Identity);
        Assert.Equal("3", policy.Spec.Rollout!.MaxUnavailable);
    }

    [Fact]
    public void A_number_of_nodes_is_written_as_a_number()
    {
        var policy = PolicyReader.Read(
            "HostDevice",
            new ObjectMeta { Name = "x" },
            Json(
                """{"resourceName": "a.com/b", "nodeSelector": {}, "rollout": {"maxUnavailable": "3"},"""
                    + """ "devices": {"pci": {"selectors": [{"slot": "7"}]}}}"""
            )
        );

        Assert.Equal("3", NodeDeviceStateWriter.ToJson(policy)!["spec"]!["rollout"]!["maxUnavailable"]!.ToJsonString());
    }

    private static string Problem(string kind, string spec) =>
        Assert.IsType<DesiredPolicy.Frozen>(PolicyReader.Read(kind, new ObjectMeta { Name = "x" }, Json(spec))).Message;

    private static IEnumerable<RuleRefusal> Refusals(string kind, string spec, string? old = null) =>
        PolicyRules.Refusals(kind, Json(spec), old is null ? null : Json(old));

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
