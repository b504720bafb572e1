using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests.Following;

/// <summary>Rules that came with a version: what is in force stays, and what is new keeps them.</summary>
public sealed partial class DesiredStateTests
{
    [Fact]
    public void What_a_version_before_has_in_force_by_fewer_rules_stays_in_force_and_the_rule_is_said()
    {
        var kvm = Gpu.Replace("a.com/gpu", "devices.kubevirt.io/kvm", StringComparison.Ordinal);
        Following(Gpu);
        var kept = Path.Combine(_directory, "desired.json");
        File.WriteAllText(kept, File.ReadAllText(kept).Replace("a.com/gpu", "devices.kubevirt.io/kvm", StringComparison.Ordinal));

        var state = Restarted();
        Assert.Null(Assert.Single(state.Policies!.Value).Frozen);
        for (var i = 0; i < 2; i++)
        {
            state.Offer("desired.yaml", kvm);
            var policy = Assert.Single(state.Policies!.Value);
            var inForce = Assert.IsType<DesiredPolicy.OfHostDevice>(policy.InForce);
            Assert.Equal("devices.kubevirt.io/kvm", inForce.Spec.ResourceName.Value);
            Assert.Equal(
                "HostDevice/gpus: spec.resourceName: \"devices.kubevirt.io/kvm\": devices.kubevirt.io belongs to KubeVirt, whose pods ask "
                    + "for kvm and others by it: use a domain of your own",
                policy.Frozen!.Message
            );
            state = Restarted();
        }
    }

    [Fact]
    public void A_new_policy_with_such_a_name_is_not_taken_in() =>
        Assert.IsType<DesiredPolicy.Frozen>(
            Assert.Single(Following(Gpu.Replace("a.com/gpu", "devices.kubevirt.io/kvm", StringComparison.Ordinal)).Policies!.Value).InForce
        );

    /// <summary>An agent of this version, where one of the version before has followed a mode that is refused now.</summary>
    [Theory]
    [InlineData("0666", "0666")]
    [InlineData("0666", "666")]
    public void What_is_in_force_since_before_it_was_refused_stays_so_over_restarts_and_other_changes(string kept, string written)
    {
        Keep(WithMode(kept));
        var state = Restarted();
        Assert.IsType<DesiredPolicy.OfHostDevice>(Assert.Single(state.Policies!.Value).InForce);
        for (var priority = 1; priority < 3; priority++)
        {
            state.Offer("desired.yaml", WithMode(written, priority));
            var policy = Assert.Single(state.Policies!.Value);
            Assert.Null(policy.Frozen);
            Assert.Equal((priority, "0666"), (policy.Spec!.Priority, policy.Spec.DeviceFile!.Mode.ToString()));
            state = Restarted();
        }
    }

    [Theory]
    [InlineData("0660", "0666")]
    [InlineData("0666", "0667")]
    [InlineData(null, "0604")]
    public void What_is_refused_now_is_followed_by_nobody_who_had_it_not(string? kept, string written)
    {
        if (kept is not null)
            Keep(WithMode(kept));
        var state = Restarted();
        state.Offer("desired.yaml", WithMode(written));
        var policy = Assert.Single(state.Policies!.Value);
        Assert.Equal(
            $"HostDevice/gpus: spec.deviceFile.mode: \"{written}\": the last digit is for every user of the host, who would have the "
                + "device too: write 0 there, for example \"0660\"",
            policy.Frozen!.Message
        );
        Assert.Equal(kept, policy.Spec?.DeviceFile?.Mode.ToString());
    }

    /// <summary>Without the field nothing of it is kept, so that the version before reads what this one leaves.</summary>
    [Fact]
    public void What_is_kept_names_the_risks_that_are_accepted_and_nothing_where_none_are()
    {
        Following(Gpu);
        Assert.DoesNotContain("acceptRisks", File.ReadAllText(Path.Combine(_directory, "desired.json")), StringComparison.Ordinal);
        Following(Gpu.Replace("resourceName", "acceptRisks: [AcsOverride], resourceName", StringComparison.Ordinal));
        Assert.Equal([Risks.AcsOverride], Assert.Single(Restarted().Policies!.Value).Spec!.AcceptRisks!.Value);
    }

    [Fact]
    public void What_is_kept_names_the_VMMs_that_are_told_and_nothing_where_none_are()
    {
        Following(Gpu);
        Assert.DoesNotContain("vmmArguments", File.ReadAllText(Path.Combine(_directory, "desired.json")), StringComparison.Ordinal);
        Following(Gpu.Replace("resourceName", "vmmArguments: [Qemu, CloudHypervisor], resourceName", StringComparison.Ordinal));
        Assert.Equal([Vmm.Qemu, Vmm.CloudHypervisor], Assert.Single(Restarted().Policies!.Value).Spec!.VmmArguments!.Value);
    }

    /// <summary>
    /// A version before had attributes as a map, which it followed as NotSupported: it is read, and stays so; the list that came after it
    /// is not taken for it, and is on disk only where it is used, because a version before freezes on it (docs/adr/0031).
    /// </summary>
    [Fact]
    public void Attributes_of_a_version_before_are_read_and_what_has_none_is_kept_as_that_version_reads_it()
    {
        Keep(Vgpu("", "attributes: {frl_config: \"60\"}"));
        var state = Restarted();
        for (var i = 0; i < 2; i++)
        {
            var kept = Assert.IsType<DesiredPolicy.OfMdevProfile>(Assert.Single(state.Policies!.Value).InForce);
            Assert.Equal("60", kept.Spec.Attributes["frl_config"]);
            Assert.Null(kept.Spec.Instances.Attributes);
            state.Offer("desired.yaml", Vgpu("", $"priority: {i}, attributes: {{frl_config: \"60\"}}"));
            Assert.Null(Assert.Single(state.Policies!.Value).Frozen);
        }

        state.Offer("desired.yaml", Vgpu("", "attributes: {frl_config: \"60\", other: \"1\"}"));
        Assert.Equal(
            "MdevProfile/vgpu: spec.attributes: a map has no order, and was never written: move these to instances.attributes, a list of "
                + "file and value in the order of writing",
            Assert.Single(state.Policies!.Value).Frozen!.Message
        );

        var file = Path.Combine(_directory, "desired.json");
        state.Offer("desired.yaml", Vgpu("", "priority: 7") + Vfs(""));
        var without = JsonNode.Parse(File.ReadAllText(file))!["policies"]!.AsArray();
        Assert.Equal(2, without.Count);
        Assert.All(without, p => Assert.True(p!["spec"]!["attributes"] is null or JsonObject { Count: 0 }));
        Assert.Null(without.Select(p => p!["spec"]!["instances"]).OfType<JsonObject>().Single()["attributes"]);

        state.Offer(
            "desired.yaml",
            Vgpu(", attributes: [{file: assign_domain, value: \"4\"}]", "priority: 7")
                + Vfs("attributes: [{file: power/control, value: \"on\"}]")
        );
        var policies = Restarted().Policies!.Value.Select(p => p.InForce).ToList();
        Assert.Equal("4", policies.OfType<DesiredPolicy.OfMdevProfile>().Single().Spec.Instances.Attributes!.Value.Single().Value);
        Assert.Equal("power/control", policies.OfType<DesiredPolicy.OfSriovPolicy>().Single().Spec.Attributes!.Value.Single().File);
    }

    private static string Vgpu(string instances, string spec) =>
        $$$"""
            policies:
            - kind: MdevProfile
              name: vgpu
              spec:
                {resourceName: a.com/vgpu, nodeSelector: {}, parents: {names: [mtty]}, typeId: mtty-1,
                instances: {count: 1{{{instances}}}}, {{{spec}}}}

            """;

    private static string Vfs(string spec) =>
        $$$"""
            - kind: SriovPolicy
              name: vfs
              spec: {nodeSelector: {}, physicalFunctions: [{driver: xe}], numVfs: 2, {{{spec}}}}

            """;

    /// <summary>What a version before has followed.</summary>
    private void Keep(string yaml) =>
        File.WriteAllText(Path.Combine(_directory, "desired.json"), YamlJson.Parse(yaml, out _)!.ToJsonString());

    private static string WithMode(string mode, int priority = 0) =>
        Gpu.Replace(
            "resourceName",
            string.Create(CultureInfo.InvariantCulture, $"priority: {priority}, deviceFile: {{mode: \"{mode}\"}}, resourceName"),
            StringComparison.Ordinal
        );
}
