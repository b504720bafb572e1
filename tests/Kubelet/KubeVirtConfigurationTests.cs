using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Projection;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>What users are told of KubeVirt, put to what KubeVirt says to it.</summary>
public sealed class KubeVirtConfigurationTests
{
    private const string Gated = "developerConfiguration: {featureGates: [HostDevices]}";
    private const string Gpu =
        "permittedHostDevices: {pciHostDevices: "
        + "[{pciVendorSelector: \"10DE:1EB8\", resourceName: example.com/gpu, externalResourceProvider: true}]}";

    [Theory]
    [InlineData("", "gpus", "example.com/gpu")]
    [InlineData("", "gpus", "example.com/anything")] // no list permits every name
    [InlineData(Gpu, "gpus", "example.com/gpu")]
    [InlineData($"{Gpu}, {Gated}", "hostDevices", "example.com/gpu")]
    [InlineData("", "hostDevices", "example.com/gpu", "Host Devices feature gate is not enabled in kubevirt-config")]
    [InlineData(Gpu, "gpus", "example.com/nic", "Synchronized=False FailedCreate: example.com/nic is not in permittedHostDevices")]
    public void A_VM_is_admitted_by_gates_and_rendered_by_the_list(
        string configuration,
        string list,
        string resource,
        params string[] problems
    ) => Assert.Equal(problems, Configured(configuration).Problems(Vm($"{list}: [{{name: one, deviceName: {resource}}}]")));

    [Fact]
    public void One_resource_in_both_lists_is_one_device_for_two_entries() =>
        Assert.Equal(
            ["example.com/gpu stands under gpus and under hostDevices: both entries get the same device"],
            Configured($"{Gpu}, {Gated}")
                .Problems(Vm("gpus: [{name: one, deviceName: example.com/gpu}], hostDevices: [{name: two, deviceName: example.com/gpu}]"))
        );

    [Fact]
    public void An_entry_that_is_not_external_makes_KubeVirt_offer_the_same_device()
    {
        var vm = Vm("gpus: [{name: one, deviceName: example.com/gpu}]");
        Assert.Equal(
            ["KubeVirt's own device plugin offers 10DE:1EB8 as example.com/gpu too"],
            Configured(Gpu.Replace(", externalResourceProvider: true", "", StringComparison.Ordinal)).Problems(vm)
        );
        var older = Gpu.Replace("[{", "[{pciVendorSelector: \"10de:1eb8\", resourceName: example.com/older}, {", StringComparison.Ordinal);
        Assert.Equal(
            ["KubeVirt's own device plugin offers 10de:1eb8 as example.com/older beside example.com/gpu"],
            Configured(older).Problems(vm)
        );
    }

    [Fact]
    public void Our_example_for_KubeVirt_is_a_VM_that_runs()
    {
        var documents = Documents(File.ReadAllText(Repository.Path("examples", "kubevirt.yaml")));
        Assert.Equal(["KubeVirt", "VirtualMachineInstance"], documents.Select(d => (string)d["kind"]!));
        Assert.NotEmpty(documents[1]["spec"]!["domain"]!["devices"]!["hostDevices"]!.AsArray());
        Assert.Empty(KubeVirtConfiguration.Of(documents[0]).Problems(documents[1]));
    }

    [Theory]
    [InlineData("docs/kubevirt.md", "```yaml\n", "```")]
    [InlineData("charts/hostdev/templates/NOTES.txt", "It looks like this then:\n\n", "{{")]
    public void Whoever_copies_what_we_show_of_the_KubeVirt_object_may_use_both_lists(string file, string before, string after)
    {
        var text = File.ReadAllText(Repository.Path(file));
        var shown = text.Split(before)[1..]
            .Select(t => t.Split(after)[0])
            .Single(t => t.Contains("permittedHostDevices:", StringComparison.Ordinal));
        var kubeVirt = KubeVirtConfiguration.Of(Documents(Undented(shown))[0]);
        Assert.Empty(kubeVirt.Problems(Vm("gpus: [{name: one, deviceName: example.com/gpu}]")));
        Assert.Empty(kubeVirt.Problems(Vm("hostDevices: [{name: one, deviceName: example.com/gpu}]")));
    }

    [Theory]
    [InlineData("10de:1eb8", false)]
    [InlineData("10de:2342", true)]
    [InlineData("10de:31c2", true)]
    public void The_snippet_names_the_gates_that_its_devices_need(string ids, bool isGrace)
    {
        var entry = new KubeVirtEntry(
            "pciHostDevices",
            $"""
            - pciVendorSelector: "{ids.ToUpperInvariant()}"
              resourceName: example.com/gpu
              externalResourceProvider: true

            """
        );
        var text = KubeVirtSnippet.WithInstructions(KubeVirtSnippet.Text([entry])!);
        var permitted = YamlJson.Parse(text, out var error) ?? throw new FormatException(error);
        Assert.Contains("feature gate HostDevices", text, StringComparison.Ordinal);
        Assert.Equal(isGrace, text.Contains(KubeVirtConfiguration.GraceGate, StringComparison.Ordinal));

        var gates = isGrace ? $"[HostDevices, {KubeVirtConfiguration.GraceGate}]" : "[HostDevices]";
        var kubeVirt = Documents(
            $$"""
            spec:
              configuration:
                developerConfiguration: {featureGates: {{gates}}}
                permittedHostDevices: {{permitted["permittedHostDevices"]!.ToJsonString()}}
            """
        )[0];
        Assert.Empty(KubeVirtConfiguration.Of(kubeVirt).Problems(Vm("hostDevices: [{name: one, deviceName: example.com/gpu}]")));
        kubeVirt["spec"]!["configuration"]!["developerConfiguration"]!["featureGates"] = new JsonArray();
        Assert.Equal(
            isGrace ? 2 : 1,
            KubeVirtConfiguration.Of(kubeVirt).Problems(Vm("hostDevices: [{name: one, deviceName: example.com/gpu}]")).Count()
        );
    }

    private static KubeVirtConfiguration Configured(string configuration) =>
        KubeVirtConfiguration.Of(Documents($"spec: {{configuration: {{{configuration}}}}}")[0]);

    private static JsonNode Vm(string devices) => Documents($"spec: {{domain: {{devices: {{{devices}}}}}}}")[0];

    private static JsonNode[] Documents(string yaml) =>
        [.. yaml.Split("\n---\n").Select(d => YamlJson.Parse(d, out var error) ?? throw new FormatException(error))];

    private static string Undented(string text)
    {
        var lines = text.Split('\n').Where(l => l.Trim().Length > 0).ToList();
        var indent = lines.Min(l => l.Length - l.TrimStart().Length);
        return string.Join('\n', lines.Select(l => l[indent..])) + "\n";
    }
}
