using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kubectl.Answers;
using Hostdev.Projection;
using Xunit;

namespace Hostdev.Tests.Projection;

/// <summary>Whatever a policy holds, what an admin is told to paste is YAML that says the same.</summary>
public sealed class KubeVirtSnippetTests
{
    [Theory]
    [InlineData("GRID T4-1Q")]
    [InlineData("""a "quoted" type""")]
    [InlineData("""back\slash: # no comment""")]
    [InlineData("größer als 'eins'")]
    public void A_type_s_name_is_quoted_whatever_is_in_it(string type)
    {
        const string profile = """
            {"resourceName": "example.com/vgpu", "nodeSelector": {}, "parents": {"selectors": [{"vendor": "10de"}]},
             "typeName": TYPE, "instances": {"mode": "Static", "count": 1}}
            """;
        var entry = Entry("MdevProfile", profile.Replace("TYPE", JsonSerializer.Serialize(type), StringComparison.Ordinal));

        Assert.Equal(type, (string)entry["mediatedDevices"]![0]!["mdevNameSelector"]!);
        Assert.Equal("example.com/vgpu", (string)entry["mediatedDevices"]![0]!["resourceName"]!);
    }

    [Theory]
    [InlineData("\"transport\": \"VendorVfio\",")]
    [InlineData("")]
    public void Virtual_functions_that_are_given_a_type_are_PCI_devices_by_the_ids_that_nodes_offer(string transport)
    {
        const string profile = """
            {"resourceName": "example.com/vgpu", "nodeSelector": {}, "parents": {"selectors": [{"vendor": "10de"}]}, TRANSPORT
             "typeName": "NVIDIA L40S-8Q", "instances": {"mode": "OnDemand", "max": 4}}
            """;
        var entry = Entry("MdevProfile", profile.Replace("TRANSPORT", transport, StringComparison.Ordinal), "10de:26b9");

        Assert.Equal("10DE:26B9", (string)entry["pciHostDevices"]![0]!["pciVendorSelector"]!);
        Assert.True((bool)entry["pciHostDevices"]![0]!["externalResourceProvider"]!);
        Assert.False(entry.AsObject().ContainsKey("mediatedDevices"));
    }

    [Theory]
    [InlineData("""[{"serial": "abc"}]""", 0)]
    [InlineData("""[{"vendor": "046d", "product": "c31c", "serial": "abc"}]""", 1)]
    [InlineData("""[{"serial": "abc"}, {"vendor": "046d", "product": "c31c"}]""", 0)]
    [InlineData("""[{"vendor": "046d", "product": "c31c"}, {"vendor": "1050", "product": "0407"}]""", 0)]
    public void USB_selectors_that_mean_something_else_to_KubeVirt_are_left_out_and_no_empty_field_stays(string selectors, int told)
    {
        const string device = """{"resourceName": "example.com/key", "nodeSelector": {}, "devices": {"usb": {"selectors": SELECTORS}}}""";
        var usb = Entry("HostDevice", device.Replace("SELECTORS", selectors, StringComparison.Ordinal))["usb"]![0]!;

        Assert.True((bool)usb["externalResourceProvider"]!);
        Assert.Equal(told > 0, usb.AsObject().ContainsKey("selectors"));
        Assert.Equal(told, usb["selectors"]?.AsArray().Count ?? 0);
    }

    public static TheoryData<string> Examples =>
        [
            .. Directory
                .EnumerateFiles(Repository.Path("examples", "cluster"), "*.yaml")
                .Select(f => Path.GetFileName(f))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>Whenever a device is taken or made: KubeVirt is told of it all the same, and leaves it to us.</summary>
    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_resource_of_an_example_is_permitted_and_left_to_Hostdev(string file)
    {
        foreach (var document in File.ReadAllText(Repository.Path("examples", "cluster", file)).Split("\n---\n"))
        {
            var policy = YamlJson.Parse(document, out _)!;
            var spec = policy["spec"]!;
            var names = spec["pools"] is { } pools
                ? pools.AsArray().Select(p => (string?)p!["resourceName"]).OfType<string>()
                : [(string)spec["resourceName"]!, .. PolicyResources.CompanionsOf(JsonDocument.Parse(spec.ToJsonString()).RootElement)];
            var isMediated = (string?)policy["kind"] == "MdevProfile" && (string?)spec["transport"] != "VendorVfio";
            if (spec["devices"]?["scsi"] is not null)
                continue; // KubeVirt has no such list
            var snippet = Entry((string)policy["kind"]!, spec.ToJsonString(), isMediated ? [] : ["10de:1eb8"]);

            var (list, entries) = Assert.Single(snippet.AsObject());
            Assert.Equal(
                isMediated ? "mediatedDevices"
                    : spec["devices"]?["usb"] is null ? "pciHostDevices"
                    : "usb",
                list
            );
            Assert.Equal(names, entries!.AsArray().Select(e => (string)e!["resourceName"]!));
            Assert.All(entries.AsArray(), e => Assert.True((bool)e!["externalResourceProvider"]!));
            if (isMediated)
                Assert.Equal((string)spec["typeName"]!, (string)entries[0]!["mdevNameSelector"]!);
        }
    }

    [Fact]
    public void The_instructions_say_what_a_first_list_forbids_and_what_an_older_entry_does()
    {
        var text = KubeVirtSnippet.WithInstructions("pciHostDevices: []\n");

        Assert.Contains("without it KubeVirt permits every resource name, and with it none that it lacks", text, StringComparison.Ordinal);
        Assert.Contains(
            "without externalResourceProvider: true makes KubeVirt's own device plugin offer the same devices",
            text,
            StringComparison.Ordinal
        );
        Assert.NotNull(YamlJson.Parse(text, out _));
    }

    [Fact]
    public void What_KubeVirt_has_no_list_for_is_said_in_a_comment()
    {
        var tape = Policy(
            "HostDevice",
            """{"resourceName": "example.com/tape", "nodeSelector": {}, "devices": {"scsi": {"selectors": [{"serial": "a"}]}}}"""
        );
        Assert.Empty(KubeVirtSnippet.Entries(tape, []));
        Assert.Equal(
            "# example.com/tape is of SCSI devices, for which KubeVirt has no list and no field in a VM: ask for it in pods of your own.\n",
            KubeVirtSnippet.Note(tape)
        );
    }

    private static DesiredPolicy Policy(string kind, string spec)
    {
        var policy = PolicyReader.Read(new PolicyIdentity(kind, "p", "uid", 1, null), JsonDocument.Parse(spec).RootElement);
        Assert.IsNotType<DesiredPolicy.Frozen>(policy);
        return policy;
    }

    private static System.Text.Json.Nodes.JsonNode Entry(string kind, string spec, params string[] ids)
    {
        var policy = Policy(kind, spec);
        var text = KubeVirtSnippet.Text(KubeVirtSnippet.Entries(policy, ids));
        return YamlJson.Parse(text!, out var error) ?? throw new InvalidOperationException($"{error}:\n{text}");
    }
}
