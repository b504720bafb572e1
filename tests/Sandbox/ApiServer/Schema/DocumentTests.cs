using System.Text.Json.Nodes;
using Google.Protobuf;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>What clients learn of the resources: discovery and OpenAPI.</summary>
public sealed class DocumentTests
{
    private static readonly ResourceDescription[] s_resources =
    [
        new()
        {
            Resource = new KubeResource("", "v1", "Pod", "pods", true),
            ListKind = "PodList",
            Singular = "pod",
            Subresources = [new("eviction", ["create"], "Eviction", "policy/v1")],
        },
        .. Parse(
            Crd(
                "spec: {type: object, description: What is wanted., required: [n], properties: {n: {type: integer, "
                    + "nullable: true, maximum: 9, default: 2}, free: {type: object, "
                    + "x-kubernetes-preserve-unknown-fields: true}}}",
                version: "subresources: {status: {}}"
            )
        ).Resources,
    ];

    private static readonly Discovery s_discovery = new(s_resources);

    [Fact]
    public void The_core_group_and_the_others_have_lists_of_their_own()
    {
        Assert.Equal("""["v1"]""", s_discovery.ApiVersions()["versions"]!.ToJsonString());
        Assert.Equal(
            """[{"name":"example.com","versions":[{"groupVersion":"example.com/v1","version":"v1"}],"preferredVersion":"""
                + """{"groupVersion":"example.com/v1","version":"v1"}}]""",
            s_discovery.Groups()["groups"]!.ToJsonString()
        );
        Assert.Null(s_discovery.Group("other.com"));
        Assert.Equal("APIGroup", s_discovery.Group("example.com")!["kind"]!.ToString());
    }

    [Fact]
    public void A_version_lists_its_resources_and_their_subresources()
    {
        var lines = s_discovery.Resources("example.com", "v1")!["resources"]!.AsArray();
        Assert.Equal(
            """{"name":"widgets","singularName":"widget","namespaced":false,"kind":"Widget","verbs":"""
                + """["delete","deletecollection","get","list","patch","create","update","watch"],"shortNames":"""
                + """["wd"],"categories":["things"]}""",
            lines[0]!.ToJsonString()
        );
        Assert.Equal(
            """{"name":"widgets/status","singularName":"","namespaced":false,"kind":"Widget","verbs":["get","patch","update"]}""",
            lines[1]!.ToJsonString()
        );
        var eviction = s_discovery.Resources("", "v1")!["resources"]![1]!;
        Assert.Equal(
            """{"name":"pods/eviction","singularName":"","namespaced":"""
                + """true,"group":"policy","version":"v1","kind":"Eviction","verbs":["create"]}""",
            eviction.ToJsonString()
        );
        Assert.Null(s_discovery.Resources("example.com", "v2"));
    }

    [Fact]
    public void Aggregated_discovery_says_all_in_one_document()
    {
        var document = s_discovery.Aggregated(core: false, "v2");
        Assert.Equal("apidiscovery.k8s.io/v2", document["apiVersion"]!.ToString());
        var resource = Assert.Single(document["items"]!.AsArray())!["versions"]![0]!["resources"]![0]!;
        Assert.Equal("""{"group":"example.com","version":"v1","kind":"Widget"}""", resource["responseKind"]!.ToJsonString());
        Assert.Equal("Cluster", resource["scope"]!.ToString());
        Assert.Equal("status", resource["subresources"]![0]!["subresource"]!.ToString());
    }

    [Fact]
    public void OpenApi_v3_describes_fields_paths_and_what_may_be_asked()
    {
        var document = new OpenApiV3(s_resources).Document("example.com", "v1")!;
        var kind = document["components"]!["schemas"]!["com.example.v1.Widget"]!;
        Assert.Equal("What is wanted.", kind["properties"]!["spec"]!["description"]!.ToString());
        Assert.Equal(
            "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
            kind["properties"]!["metadata"]!["allOf"]![0]!["$ref"]!.ToString()
        );
        var patch = document["paths"]!["/apis/example.com/v1/widgets/{name}"]!["patch"]!;
        Assert.Equal(
            """{"group":"example.com","version":"v1","kind":"Widget"}""",
            patch["x-kubernetes-group-version-kind"]!.ToJsonString()
        );
        Assert.Contains("fieldValidation", patch["parameters"]!.AsArray().Select(p => p!["name"]!.ToString()));
        Assert.NotNull(document["paths"]!["/apis/example.com/v1/widgets/{name}/status"]!["put"]);
    }

    [Fact]
    public void The_index_changes_with_the_documents()
    {
        var changed = s_resources.Select(r => r with { Schema = r.Schema with { Description = "Changed." } });
        var (before, after) = (new OpenApiV3(s_resources).Index()["paths"]!, new OpenApiV3(changed).Index()["paths"]!);
        Assert.StartsWith("/openapi/v3/apis/example.com/v1?hash=", Address(before), StringComparison.Ordinal);
        Assert.NotEqual(Address(before), Address(after));
        Assert.Equal(Address(before), Address(new OpenApiV3(s_resources).Index()["paths"]!));

        static string Address(JsonNode paths) => paths["apis/example.com/v1"]!["serverRelativeURL"]!.ToString();
    }

    [Fact]
    public void OpenApi_v2_leaves_out_what_kubectl_cannot_read_there()
    {
        var spec = new OpenApiV2(s_resources).Document()["definitions"]!["com.example.v1.Widget"]!["properties"]!["spec"]!;
        Assert.Equal("""{"default":2,"maximum":9}""", spec["properties"]!["n"]!.ToJsonString());
        Assert.Equal("""{"x-kubernetes-preserve-unknown-fields":true}""", spec["properties"]!["free"]!.ToJsonString());
        Assert.Equal("[]", spec["required"]!.ToJsonString());
    }

    [Fact]
    public void Every_reference_leads_somewhere()
    {
        foreach (
            var document in (JsonObject[])
                [
                    new OpenApiV2(s_resources).Document(),
                    new OpenApiV3(s_resources).Document("", "v1")!,
                    new OpenApiV3(s_resources).Document("example.com", "v1")!,
                ]
        )
        {
            var known = (document["definitions"] ?? document["components"]!["schemas"])!.AsObject();
            Assert.All(References(document), name => Assert.True(known.ContainsKey(name), name));
        }
    }

    [Fact]
    public void The_protobuf_form_has_the_definitions_in_the_fields_that_gnostic_gives_them()
    {
        var input = new CodedInputStream(new OpenApiV2(s_resources).Protobuf());
        var fields = new List<int>();
        var names = new List<string>();
        while (input.ReadTag() is var tag and not 0)
        {
            fields.Add(WireFormat.GetTagFieldNumber(tag));
            var part = input.ReadBytes();
            if (fields[^1] != 9)
                continue;
            var definitions = part.CreateCodedInput();
            while (definitions.ReadTag() != 0)
            {
                var definition = definitions.ReadBytes().CreateCodedInput();
                definition.ReadTag();
                names.Add(definition.ReadString());
            }
        }

        Assert.Equal([1, 2, 8, 9], fields);
        Assert.Equal(new OpenApiV2(s_resources).Document()["definitions"]!.AsObject().Select(d => d.Key), names);
    }

    private static IEnumerable<string> References(JsonNode? node) =>
        node switch
        {
            JsonObject members => members.SelectMany(m => m.Key == "$ref" ? [m.Value!.ToString().Split('/')[^1]] : References(m.Value)),
            JsonArray items => items.SelectMany(References),
            _ => [],
        };
}
