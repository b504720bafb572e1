using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests.Crds;

public sealed class NodeDeviceStateReaderTests
{
    private const string Gpu = """
        kind: HostDevice
        name: gpus
        uid: 7c1b
        generation: 3
        creationTimestamp: "2026-01-02T03:04:05Z"
        spec:
          resourceName: example.com/gpu
          nodeSelector: {}
          devices:
            pci:
              selectors: [{vendor: "10de"}]
        """;

    private const string Nics = """
        kind: SriovPolicy
        name: nics
        spec:
          nodeSelector: {}
          physicalFunctions: [{interfaces: [eth4]}]
          numVfs: 4
          pools: [{name: a, vfs: [{first: 0, last: 3}], resourceName: example.com/vf}]
        """;

    [Fact]
    public void A_spec_is_read()
    {
        var spec = Read(Policies(Gpu));
        var policy = Assert.IsType<DesiredPolicy.OfHostDevice>(Assert.Single(spec.Policies));

        Assert.Equal(
            new PolicyIdentity("HostDevice", "gpus", "7c1b", 3, new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)),
            policy.Identity
        );
        Assert.Equal("example.com/gpu", policy.Spec.ResourceName.Value);
        Assert.Equal(PciId.Parse("10de"), policy.Spec.Devices.Pci!.Selectors[0].Vendor);
    }

    [Fact]
    public void A_whole_object_is_read_like_its_spec()
    {
        var text =
            "apiVersion: hostdev.io/v1alpha1\nkind: NodeDeviceState\nmetadata: {name: node-7}\nspec:\n  projectedAt: "
            + "\"2026-01-01T00:00:00Z\"\n"
            + Indent(Policies(Gpu), 2)
            + "status: {host: {}}\n";
        var spec = Read(text);

        Assert.Equal("HostDevice/gpus", Assert.Single(spec.Policies).Identity.ToString());
        Assert.Equal(2026, spec.ProjectedAt!.Value.Year);
    }

    [Fact]
    public void Json_is_read_too() =>
        Assert.Single(
            Read(
                """{"policies": [{"kind": "HostDevice", "name": "x", "spec": {"resourceName": "a.com/b","""
                    + """ "nodeSelector": {}, "devices": {"pci": {"selectors": [{"slot": "7"}]}}}}]}"""
            ).Policies
        );

    [Fact]
    public void An_explicit_empty_list_is_a_desired_state() => Assert.Empty(Read("policies: []\n").Policies);

    [Theory]
    [InlineData("", "the desired state is empty: to give everything back write \"policies: []\"")]
    [InlineData("  \n", "the desired state is empty: to give everything back write \"policies: []\"")]
    [InlineData("# only a comment\n", "the text is empty")]
    [InlineData("{}", "the field policies is missing: to give everything back write \"policies: []\"")]
    [InlineData("projectedAt: \"2026-01-01T00:00:00Z\"", "the field policies is missing: to give everything back write \"policies: []\"")]
    [InlineData("policies:", "policies must be a list: to give everything back write \"policies: []\"")]
    [InlineData("policies: {}", "policies must be a list: to give everything back write \"policies: []\"")]
    [InlineData("policies: none", "policies must be a list: to give everything back write \"policies: []\"")]
    [InlineData("[]", "the desired state must be a mapping with the field policies")]
    [InlineData("hello", "the desired state must be a mapping with the field policies")]
    [InlineData("spec:", "the desired state must be a mapping with the field policies")]
    [InlineData("kind: NodeDeviceState\nspec: {}", "the field policies is missing: to give everything back write \"policies: []\"")]
    [InlineData(
        "policies: []\npolices: []",
        "unknown field \"polices\" beside policies: this version knows projectedAt, policies and cordons"
    )]
    [InlineData("policies: [5]", "policies[0] must be a mapping with kind (HostDevice, SriovPolicy, MdevProfile), name and spec")]
    [InlineData(
        "policies: [{kind: HostDevice}]",
        "policies[0] must be a mapping with kind (HostDevice, SriovPolicy, MdevProfile), name and spec"
    )]
    [InlineData("policies: [{name: x}]", "policies[0] must be a mapping with kind (HostDevice, SriovPolicy, MdevProfile), name and spec")]
    public void A_text_that_is_no_desired_state_is_refused_whole(string text, string message)
    {
        Assert.Null(NodeDeviceStateReader.Read(text, out var error));
        Assert.Equal(message, error);
    }

    [Fact]
    public void Broken_yaml_is_refused_with_its_line()
    {
        Assert.Null(NodeDeviceStateReader.Read("policies:\n- {kind: HostDevice\n", out var error));
        Assert.StartsWith("line ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_policies_of_one_kind_and_name_freeze_that_one_and_no_other()
    {
        var spec = NodeDeviceStateReader.Read(Policies(Gpu, Nics, Gpu), out var error);
        Assert.Equal("", error);
        Assert.Equal(2, spec!.Policies.Length);
        var frozen = Assert.IsType<DesiredPolicy.Frozen>(spec.Policies[0]);
        Assert.Equal(
            (
                Reasons.InvalidSpec,
                "HostDevice/gpus: policies[2] has the same kind and name as an earlier one, and which of them is "
                    + "meant would be a guess: give each policy a name of its own"
            ),
            (frozen.Reason, frozen.Message)
        );
        Assert.IsType<DesiredPolicy.OfSriovPolicy>(spec.Policies[1]);
    }

    [Fact]
    public void A_second_document_is_refused_and_not_passed_over()
    {
        Assert.Null(NodeDeviceStateReader.Read("policies: []\n---\npolicies: []\n", out var error));
        Assert.Equal(
            "line 3, column 1: a second document begins here (after \"---\"), which would be passed over: put everything into one document",
            error
        );
        Assert.NotNull(NodeDeviceStateReader.Read("---\npolicies: []\n---\n", out _));
    }

    [Fact]
    public void An_unknown_field_freezes_its_policy_alone_and_is_named_with_its_path()
    {
        var spec = Read(Policies(Gpu.Replace("{vendor: \"10de\"}", "{vendor: \"10de\", shade: blue}", StringComparison.Ordinal), Nics));

        Frozen(
            spec.Policies[0],
            "UnsupportedField",
            "HostDevice/gpus: this version does not know spec.devices.pci.selectors[0].shade: upgrade the agent, or correct the spelling"
        );
        Assert.IsType<DesiredPolicy.OfSriovPolicy>(spec.Policies[1]);
    }

    [Fact]
    public void Every_unknown_field_is_named()
    {
        var spec = Read(
            Policies(
                Gpu.Replace("resourceName:", "colour: red\n  resourceName:", StringComparison.Ordinal)
                    .Replace("pci:", "pcie: {}\n    pci:", StringComparison.Ordinal)
            )
        );

        Frozen(
            spec.Policies[0],
            "UnsupportedField",
            "HostDevice/gpus: this version does not know spec.colour, spec.devices.pcie: upgrade the agent, or correct the spelling"
        );
    }

    [Fact]
    public void An_unknown_field_beside_the_spec_freezes_too()
    {
        var spec = Read(Policies(Gpu + "\npriority: 5"));

        Frozen(
            spec.Policies[0],
            "UnsupportedField",
            "HostDevice/gpus: this version does not know priority: upgrade the agent, or correct the spelling"
        );
    }

    [Fact]
    public void Names_are_spelled_exactly() =>
        Frozen(
            Read(Policies(Gpu.Replace("nodeSelector", "nodeselector", StringComparison.Ordinal))).Policies[0],
            "UnsupportedField",
            "HostDevice/gpus: this version does not know spec.nodeselector: upgrade the agent, or correct the spelling"
        );

    [Fact]
    public void Labels_and_attributes_may_have_any_name()
    {
        var gpu = Gpu.Replace("nodeSelector: {}", "nodeSelector: {matchLabels: {a.b/c: d}}", StringComparison.Ordinal);

        Assert.IsType<DesiredPolicy.OfHostDevice>(Read(Policies(gpu)).Policies[0]);
    }

    [Fact]
    public void An_unknown_kind_freezes() =>
        Frozen(
            Read("policies: [{kind: UsbThing, name: x, spec: {}}]").Policies[0],
            "UnsupportedField",
            "UsbThing/x: kind \"UsbThing\" is not known to this version: use HostDevice, SriovPolicy or MdevProfile"
        );

    [Theory]
    [InlineData("vendor: \"10de\"", "vendor: 8086", "spec.devices.pci.selectors[0].vendor: must be a string: put the value in quotes")]
    [InlineData(
        "vendor: \"10de\"",
        "vendor: 10dex",
        "spec.devices.pci.selectors[0].vendor: \"10dex\": write four hexadecimal digits in quotes, for example \"8086\""
    )]
    [InlineData(
        "vendor: \"10de\"",
        "class: \"3\"",
        "spec.devices.pci.selectors[0].class: \"3\": write two, four or six hexadecimal digits in quotes, for example \"03\" or \"0300\""
    )]
    [InlineData(
        "vendor: \"10de\"",
        "addresses: [\"3b:00.0\"]",
        "spec.devices.pci.selectors[0].addresses[0]: \"3b:00.0\": write domain:bus:slot.function in hexadecimal, for example 0000:3b:00.0"
    )]
    [InlineData(
        "resourceName: example.com/gpu",
        "resourceName: gpu",
        "spec.resourceName: \"gpu\": write domain/name, for example example.com/nic-vf: the domain as DNS has it, "
            + "in lower case, at most 244 characters; the name of letters, digits, '-', '_' and '.', beginning and "
            + "ending with a letter or digit, at most 63"
    )]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  priority: high",
        "spec.priority: the value has the wrong type: write a whole number"
    )]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  priority: \"5\"",
        "spec.priority: the value has the wrong type: write the number without quotes"
    )]
    [InlineData(
        "selectors:",
        "virtualFunctions: \"true\"\n      selectors:",
        "spec.devices.pci.virtualFunctions: the value has the wrong type: write true or false without quotes"
    )]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  priority: 1.5",
        "spec.priority: the value has the wrong type: write a whole number"
    )]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: all",
        "spec.nodeSelector: the value has the wrong type: write a mapping, fields with their values"
    )]
    [InlineData("nodeSelector: {}", "nodeSelector: {}\n  disruption: Never", "spec.disruption: \"Never\" is not one of WhenIdle, Cordon")]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  disruption: whenIdle",
        "spec.disruption: \"whenIdle\" is not one of WhenIdle, Cordon"
    )]
    [InlineData("nodeSelector: {}", "nodeSelector: {}\n  disruption: 1", "spec.disruption: must be a string: put the value in quotes")]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  deviceFile: {mode: 0660}",
        "spec.deviceFile.mode: must be a string: put the value in quotes"
    )]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  deviceFile: {mode: rw}",
        "spec.deviceFile.mode: \"rw\": write three or four octal digits in quotes, for example \"0660\""
    )]
    [InlineData(
        "nodeSelector: {}",
        "nodeSelector: {}\n  allowProtected: [Disk]",
        "spec.allowProtected: allowProtected overrides the host's own need of a device and is only legal when every selector lists "
            + "addresses (usb: port; scsi: serial or wwid): add them, or remove allowProtected; "
            + "spec.allowProtected[0]: \"Disk\" is not one of Console, Storage, "
            + "Network, System"
    )]
    [InlineData(
        "  nodeSelector: {}\n",
        "",
        "spec.nodeSelector: nodeSelector is required: write nodeSelector: {} for all nodes, or choose nodes by "
            + "matchLabels or matchExpressions"
    )]
    [InlineData("selectors: [{vendor: \"10de\"}]", "groupPolicy: HoldSiblings", "spec.devices.pci: selectors is required")]
    public void A_wrong_value_freezes_its_policy_and_names_field_and_fix(string from, string to, string message)
    {
        Assert.Contains(from, Gpu, StringComparison.Ordinal);
        var spec = Read(Policies(Gpu.Replace(from, to, StringComparison.Ordinal), Nics));

        Frozen(spec.Policies[0], "InvalidSpec", "HostDevice/gpus: " + message);
        Assert.IsType<DesiredPolicy.OfSriovPolicy>(spec.Policies[1]);
    }

    [Theory]
    [InlineData("selectors: [{vendor: \"10de\"}]", "selectors:", "spec.devices.pci.selectors")]
    [InlineData("nodeSelector: {}", "nodeSelector: {}\n  allowProtected:", "spec.allowProtected")]
    public void A_null_where_a_value_belongs_freezes_and_names_the_field(string from, string to, string field)
    {
        var frozen = Assert.IsType<DesiredPolicy.Frozen>(Read(Policies(Gpu.Replace(from, to, StringComparison.Ordinal))).Policies[0]);

        Assert.StartsWith($"HostDevice/gpus: {field}: the value ", frozen.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_policy_without_a_spec_freezes() =>
        Frozen(Read("policies: [{kind: HostDevice, name: x}]").Policies[0], "InvalidSpec", "HostDevice/x: spec must be a mapping");

    [Fact]
    public void A_policy_needs_no_uid_in_a_file_of_its_own()
    {
        var policy = Read(Policies(Nics)).Policies[0];

        Assert.Equal(("sriovpolicy/nics", 1L, null), (policy.Identity.Uid, policy.Identity.Generation, policy.Identity.CreationTimestamp));
    }

    private static NodeDeviceStateSpec Read(string text)
    {
        var spec = NodeDeviceStateReader.Read(text, out var error);
        Assert.Equal("", error);
        return spec!;
    }

    private static void Frozen(DesiredPolicy policy, string reason, string message)
    {
        var frozen = Assert.IsType<DesiredPolicy.Frozen>(policy);
        Assert.Equal((reason, message), (frozen.Reason.Name, frozen.Message));
    }

    [Theory]
    [InlineData(
        "apiVersion: hostdev.io/v1alpha1\nkind: HostDevice\nmetadata: {name: gpus}\nspec: {resourceName: example.com/gpu}\n",
        "this is the manifest of a HostDevice, as an API server takes it: a desired file lists policies, so write \"policies:\", below it "
            + "\"- kind: HostDevice\" (or SriovPolicy, MdevProfile) with name, and spec as it stands here"
    )]
    [InlineData(
        "policies:\n- kind: HostDevice\n\tname: gpu\n",
        "line 3, column 1: a tab stands where the line is indented, which YAML does not allow: indent with blanks alone"
    )]
    [InlineData(
        "base: &base {kind: HostDevice}\npolicies:\n- <<: *base\n  name: gpu\n",
        "line 3, column 3: \"<<\" merges nothing in YAML 1.2: write the fields of what it names here"
    )]
    public void What_people_write_instead_is_told_what_to_write(string text, string words)
    {
        Assert.Null(NodeDeviceStateReader.Read(text, out var error));
        Assert.Equal(words, error);
    }

    private static string Policies(params ReadOnlySpan<string> policies)
    {
        var text = "policies:\n";
        foreach (var policy in policies)
            text += "-" + Indent(policy, 2)[1..];
        return text;
    }

    private static string Indent(string text, int by) =>
        string.Concat(text.TrimEnd('\n').Split('\n').Select(l => new string(' ', by) + l + "\n"));
}
