using System.Text.Json.Nodes;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>Defaults and pruning.</summary>
public sealed class SchemaChangeTests
{
    private const string Spec = """
        spec:
          type: object
          default: {}
          properties:
            mode: {type: string, default: Slow}
            note: {type: string, nullable: true, default: none}
            size: {type: integer}
            rules:
              type: array
              items: {type: object, properties: {n: {type: integer, default: 1}}}
            byName:
              type: object
              additionalProperties: {type: object, properties: {on: {type: boolean, default: true}}}
            free:
              type: object
              x-kubernetes-preserve-unknown-fields: true
              properties: {known: {type: object, properties: {a: {type: string}}}}
            template:
              type: object
              x-kubernetes-embedded-resource: true
              properties: {spec: {type: object, properties: {a: {type: string}}}}
        """;

    [Theory]
    [InlineData("{}", "{spec: {mode: Slow, note: none}}")]
    [InlineData("spec: {mode: null, note: null, size: null}", "{spec: {note: null, mode: Slow}}")]
    [InlineData(
        "spec: {mode: Fast, rules: [{}, {n: 5}], byName: {a: {}}}",
        "{spec: {mode: Fast, note: none, rules: [{n: 1}, {n: 5}], byName: {a: {on: true}}}}"
    )]
    public void What_is_absent_or_null_gets_its_default(string before, string after) =>
        Assert.True(JsonNode.DeepEquals(Yaml(after), Defaulted(before)), Defaulted(before).ToJsonString());

    [Fact]
    public void A_default_is_given_to_each_object_anew()
    {
        var (schema, first, second) = (SchemaOf(Spec), Yaml("{}"), Yaml("{}"));
        schema.ApplyDefaults(first);
        first["spec"]!["mode"] = "changed";
        schema.ApplyDefaults(second);
        Assert.Equal("Slow", second["spec"]!["mode"]!.ToString());
    }

    [Fact]
    public void Unknown_fields_go_and_their_paths_are_told_in_order()
    {
        var value = Yaml(
            """
            {apiVersion: example.com/v1, kind: Widget, metadata: {name: a, whatever: 1}, extra: 1,
             spec: {foo: {bar: 1}, rules: [{n: 1}, {m: 2}], byName: {a: {of: 1}}, free: {any: {thing: 1}, known: {a: x, b: y}},
             template: {kind: Pod, metadata: {x: 1}, spec: {a: x, b: y}}}}
            """
        );
        var unknown = SchemaOf(Spec).Prune(value);
        Assert.Equal(["extra", "spec.byName.a.of", "spec.foo", "spec.free.known.b", "spec.rules[1].m", "spec.template.spec.b"], unknown);
        var left = Yaml(
            """
            {apiVersion: example.com/v1, kind: Widget, metadata: {name: a, whatever: 1},
             spec: {rules: [{n: 1}, {}], byName: {a: {}}, free: {any: {thing: 1}, known: {a: x}},
             template: {kind: Pod, metadata: {x: 1}, spec: {a: x}}}}
            """
        );
        Assert.True(JsonNode.DeepEquals(left, value), value.ToJsonString());
    }

    private static JsonObject Defaulted(string text)
    {
        var value = Yaml(text);
        SchemaOf(Spec).ApplyDefaults(value);
        return value;
    }
}
