using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>Schemas and objects written as YAML.</summary>
internal static class SchemaText
{
    public static JsonObject Yaml(string text)
    {
        var json = YamlJson.Parse(text, out var error);
        Assert.True(json is not null, error);
        return json.AsObject();
    }

    /// <summary>A CRD of a kind Widget in example.com/v1, whose schema has these properties.</summary>
    public static JsonObject Crd(string properties, string schema = "", string version = "")
    {
        var crd = Yaml(
            """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: widgets.example.com}
            spec:
              group: example.com
              scope: Cluster
              names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget, shortNames: [wd], categories: [things]}
              versions:
              - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
            """
        );
        var first = crd["spec"]!["versions"]![0]!.AsObject();
        var root = first["schema"]!["openAPIV3Schema"]!.AsObject();
        root["properties"] = Yaml(properties);
        foreach (var (name, value) in schema.Length == 0 ? [] : Yaml(schema))
            root[name] = value?.DeepClone();
        foreach (var (name, value) in version.Length == 0 ? [] : Yaml(version))
            first[name] = value?.DeepClone();
        return crd;
    }

    public static CustomResourceDefinition Parse(JsonObject crd)
    {
        Assert.True(CustomResourceDefinition.TryParse(crd, out var parsed, out var errors), string.Join('\n', errors));
        return parsed;
    }

    public static StructuralSchema SchemaOf(string properties, string schema = "") => Parse(Crd(properties, schema)).Versions[0].Schema;

    public static string[] Refusals(JsonObject crd)
    {
        Assert.False(CustomResourceDefinition.TryParse(crd, out _, out var errors));
        return [.. errors.Select(e => e.ToString().Replace("spec.versions[0].schema.openAPIV3Schema", "$", StringComparison.Ordinal))];
    }

    public static string[] Errors(this StructuralSchema schema, string value, string? old = null) =>
        [.. schema.Validate(Yaml(value), old is null ? null : Yaml(old)).Select(e => e.ToString())];
}
