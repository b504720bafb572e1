using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>What a CRD says is read, and what a real API server would refuse of it is refused.</summary>
public sealed class CustomResourceDefinitionTests
{
    private const string Text = "{type: string}";

    [Fact]
    public void Names_versions_columns_and_selectable_fields_are_read()
    {
        var crd = Parse(
            Crd(
                $"spec: {{type: object, properties: {{node: {Text}}}}}",
                version: """
                subresources: {status: {}}
                additionalPrinterColumns: [{name: Node, type: string, jsonPath: .spec.node, priority: 1}]
                selectableFields: [{jsonPath: .spec.node}]
                """
            )
        );
        Assert.Equal(
            ("example.com", "Widget", "WidgetList", "widgets", "widget", false),
            (crd.Group, crd.Kind, crd.ListKind, crd.Plural, crd.Singular, crd.Namespaced)
        );
        Assert.Equal(["wd"], crd.ShortNames);
        Assert.Equal(["things"], crd.Categories);
        Assert.True(crd.StorageVersion.HasStatus);
        Assert.Equal([new PrinterColumn("Node", "string", ".spec.node", Priority: 1)], crd.StorageVersion.Columns);
        Assert.Equal(["spec.node"], crd.StorageVersion.SelectableFields);
    }

    [Theory]
    [InlineData("x: {description: no type}", "$.properties[x].type: Required value: must not be empty for specified object fields")]
    [InlineData("x: {type: array}", "$.properties[x].items: Required value: must be specified")]
    [InlineData(
        "x: {type: array, items: {description: no type}}",
        "$.properties[x].items.type: Required value: must not be empty for specified array items"
    )]
    [InlineData(
        "x: {type: text}",
        "$.properties[x].type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", "
            + "\"integer\", \"number\", \"object\", \"string\""
    )]
    [InlineData("x: {type: string, $ref: '#/a'}", "$.properties[x].$ref: Forbidden: $ref is not supported")]
    [InlineData("x: {type: object, definitions: {}}", "$.properties[x].definitions: Forbidden: definitions is not supported")]
    [InlineData(
        "x: {type: string, maxlength: 4}",
        "$.properties[x].maxlength: Forbidden: strict decoding error: unknown field \"$.properties[x].maxlength\""
    )]
    [InlineData(
        "x: {type: array, uniqueItems: true, items: {type: string}}",
        "$.properties[x].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
    )]
    [InlineData(
        "x: {type: object, additionalProperties: false, properties: {a: {type: string}}}",
        "$.properties[x].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"
    )]
    [InlineData("x: {type: string, anyOf: [{type: string}]}", "$.properties[x].anyOf[0].type: Forbidden: must be empty to be structural")]
    [InlineData(
        "x: {type: string, allOf: [{description: a}]}",
        "$.properties[x].allOf[0].description: Forbidden: must be empty to be structural"
    )]
    [InlineData(
        "x: {type: string, pattern: 'a(?=b)'}",
        "$.properties[x].pattern: Invalid value: \"a(?=b)\": must be a valid regular expression, but isn't: error "
            + "parsing regexp: invalid or unsupported Perl syntax: `(?=`"
    )]
    [InlineData(
        "x: {type: integer, minimum: 1, default: 0}",
        "$.properties[x].default: Invalid value: 0:  in body should be greater than or equal to 1"
    )]
    [InlineData(
        "x: {type: object, properties: {a: {type: string}}, default: {b: 1}}",
        "$.properties[x].default: Invalid value: {\"b\":1}: must not have unknown fields"
    )]
    [InlineData(
        "metadata: {type: object, properties: {labels: {type: object}}}",
        "$.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but "
            + "metadata is implicitly specified"
    )]
    [InlineData(
        "x: {type: array, x-kubernetes-list-type: map, items: {type: object}}",
        "$.properties[x].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
    )]
    [InlineData(
        "x: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, "
            + "properties: {k: {type: string}}}}",
        "$.properties[x].items.properties[k].default: Required value: this property is in "
            + "x-kubernetes-list-map-keys, so it must have a default or be a required property"
    )]
    [InlineData(
        "x: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [q], items: {type: object, "
            + "properties: {k: {type: string}}}}",
        "$.properties[x].x-kubernetes-list-map-keys: Invalid value: [\"q\"]: entries must all be names of item properties"
    )]
    [InlineData(
        "x: {type: array, x-kubernetes-list-type: set, items: {type: object}}",
        "$.properties[x].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set"
    )]
    [InlineData(
        "x: {type: string, x-kubernetes-list-type: atomic}",
        "$.properties[x].type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"
    )]
    [InlineData(
        "x: {type: object, x-kubernetes-validations: [{message: a}]}",
        "$.properties[x].x-kubernetes-validations[0].rule: Required value: rule is not specified"
    )]
    [InlineData(
        "x: {type: object, x-kubernetes-validations: [{rule: 'true', fieldPath: .a}]}",
        "$.properties[x].x-kubernetes-validations[0].fieldPath: Invalid value: \".a\": must be a valid path"
    )]
    [InlineData(
        "x: {type: object, x-kubernetes-validations: [{rule: 'true', reason: Bad}]}",
        "$.properties[x].x-kubernetes-validations[0].reason: Unsupported value: \"Bad\": supported values: "
            + "\"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\""
    )]
    public void A_schema_that_a_real_API_server_refuses_is_refused_with_its_words(string properties, string error) =>
        Assert.Equal([error], Refusals(Crd(properties)));

    [Fact]
    public void A_limit_at_the_root_must_be_about_something_described() =>
        Assert.Equal(
            ["$.properties[b]: Required value: because it is defined in $.oneOf[0].properties[b]"],
            Refusals(Crd($"a: {Text}", "oneOf: [{properties: {b: {maxLength: 1}}}]"))
        );

    [Fact]
    public void The_root_has_no_default_and_no_map() =>
        Assert.Contains(
            "$.additionalProperties: Forbidden: must not be used at the root",
            Refusals(Crd("{}", "additionalProperties: {type: string}"))
        );

    [Fact]
    public void Int_or_string_is_the_one_case_in_which_types_stand_below_anyOf() =>
        Assert.True(
            SchemaOf("x: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}").Properties["x"].IntOrString
        );

    [Theory]
    [InlineData(
        "metadata/name",
        "\"other.example.com\"",
        "metadata.name: Invalid value: \"other.example.com\": must be spec.names.plural+\".\"+spec.group"
    )]
    [InlineData("spec/scope", "\"World\"", "spec.scope: Unsupported value: \"World\": supported values: \"Cluster\", \"Namespaced\"")]
    [InlineData(
        "spec/names/listKind",
        "\"Widget\"",
        "spec.names.listKind: Invalid value: \"Widget\": kind and listKind may not be the same"
    )]
    [InlineData("spec/versions/0/schema", "null", "$: Required value")]
    [InlineData(
        "spec/versions/0/additionalPrinterColumns",
        "[{\"name\":\"A\",\"type\":\"text\",\"jsonPath\":\".a\"}]",
        "spec.versions[0].additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string"
    )]
    [InlineData(
        "spec/versions/0/selectableFields",
        "[{\"jsonPath\":\".a\"}]",
        "spec.versions[0].selectableFields[0].jsonPath: Invalid value: \".a\": is an invalid path: does not refer to a valid field"
    )]
    public void What_surrounds_the_schema_is_checked_too(string path, string value, string error)
    {
        var crd = Crd($"x: {Text}");
        var steps = path.Split('/');
        var parent = steps[..^1].Aggregate((JsonNode)crd, (node, step) => int.TryParse(step, out var index) ? node[index]! : node[step]!);
        parent[steps[^1]] = JsonNode.Parse(value);
        Assert.Equal([error], Refusals(crd));
    }

    [Fact]
    public void Exactly_one_version_is_stored()
    {
        var crd = Crd($"x: {Text}");
        crd["spec"]!["versions"]![0]!["storage"] = false;
        Assert.EndsWith("must have exactly one version marked as storage version", Assert.Single(Refusals(crd)), StringComparison.Ordinal);
    }
}
