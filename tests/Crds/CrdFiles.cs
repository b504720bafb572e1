using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Rules;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>The CRDs of this repository, and what an API server that has them says of an object.</summary>
internal static class CrdFiles
{
    public static string[] Plurals { get; } = ["hostdevices", "mdevprofiles", "nodedevicestates", "sriovpolicies"];

    public static string[] PolicyKinds { get; } = ["HostDevice", "MdevProfile", "SriovPolicy"];

    private static readonly Dictionary<string, CustomResourceDefinition> _byKind = Plurals.Select(Read).ToDictionary(c => c.Kind);

    public static CustomResourceDefinition Of(string kind) => _byKind[kind];

    /// <param name="plural">One of <see cref="Plurals"/>.</param>
    public static CustomResourceDefinition OfPlural(string plural) => _byKind.Values.Single(c => c.Plural == plural);

    public static StructuralSchema Schema(string kind, params ReadOnlySpan<string> path)
    {
        var schema = Of(kind).StorageVersion.Schema;
        foreach (var name in path)
            schema = schema.Properties[name];
        return schema;
    }

    /// <summary>Every error, as the API server names field and cause. The object gets its defaults.</summary>
    /// <param name="old">What stands in its place.</param>
    public static List<(string Path, string Message)> Errors(JsonObject resource, JsonObject? old)
    {
        var kind = resource["kind"]!.GetValue<string>();
        var schema = Of(kind).StorageVersion.Schema;
        var unknown = schema.Prune(resource).Select(f => (f, "unknown field"));
        schema.ApplyDefaults(resource);
        var errors = schema.Validate(resource, old).Select(e => (e.Path, e.Message));
        var rules = PolicyRules.Refusals(kind, Element(resource["spec"])!.Value, Element(old?["spec"])).Select(r => (r.Path, r.Message));
        return [.. unknown, .. errors, .. rules];
    }

    public static JsonElement? Element(JsonNode? node) => node is null ? null : JsonDocument.Parse(node.ToJsonString()).RootElement;

    /// <summary>The documents of a YAML stream.</summary>
    public static IEnumerable<JsonObject> Documents(string text)
    {
        foreach (var document in text.Split("\n---\n"))
        {
            var node = YamlJson.Parse(document, out var error);
            Assert.True(node is JsonObject, $"{error} in {document}");
            yield return (JsonObject)node;
        }
    }

    /// <summary>The schema of another version's CRD.</summary>
    public static StructuralSchema SchemaOf(string path) => ReadFile(path).StorageVersion.Schema;

    private static CustomResourceDefinition Read(string plural) => ReadFile(Repository.Path("crds", plural + ".yaml"));

    private static CustomResourceDefinition ReadFile(string path)
    {
        var node = YamlJson.Parse(File.ReadAllText(path), out var error);
        Assert.True(node is JsonObject, $"{path}: {error}");
        Assert.True(
            CustomResourceDefinition.TryParse((JsonObject)node, out var crd, out var errors),
            $"{path}: {string.Join('\n', errors)}"
        );
        return crd;
    }
}
