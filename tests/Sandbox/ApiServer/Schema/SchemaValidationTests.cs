using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>Values are refused in the API server's words.</summary>
public sealed class SchemaValidationTests
{
    [Theory]
    [InlineData("type: integer", "text", "x: Invalid value: \"string\": x in body must be of type integer: \"string\"")]
    [InlineData("type: boolean", "1", "x: Invalid value: \"integer\": x in body must be of type boolean: \"integer\"")]
    [InlineData("type: string", "{a: 1}", "x: Invalid value: \"object\": x in body must be of type string: \"object\"")]
    [InlineData("type: string", "null", "x: Invalid value: \"null\": x in body must be of type string: \"null\"")]
    [InlineData("{type: string, enum: [A, B]}", "C", "x: Unsupported value: \"C\": supported values: \"A\", \"B\"")]
    [InlineData("{type: integer, enum: [1, 2]}", "3", "x: Unsupported value: 3: supported values: \"1\", \"2\"")]
    [InlineData("{type: integer, minimum: 0}", "-1", "x: Invalid value: -1: x in body should be greater than or equal to 0")]
    [InlineData("{type: integer, maximum: 7}", "8", "x: Invalid value: 8: x in body should be less than or equal to 7")]
    [InlineData("{type: integer, minimum: 0, exclusiveMinimum: true}", "0", "x: Invalid value: 0: x in body should be greater than 0")]
    [InlineData("{type: number, maximum: 1.5, exclusiveMaximum: true}", "1.5", "x: Invalid value: 1.5: x in body should be less than 1.5")]
    [InlineData("{type: integer, multipleOf: 4}", "6", "x: Invalid value: 6: x in body should be a multiple of 4")]
    [InlineData("{type: string, maxLength: 3}", "grün", "x: Too long: may not be more than 3 bytes")]
    [InlineData("{type: string, maxLength: 1}", "ab", "x: Too long: may not be more than 1 byte")]
    [InlineData("{type: string, minLength: 1}", "''", "x: Invalid value: \"\": x in body should be at least 1 chars long")]
    [InlineData("{type: string, pattern: '^[a-z]+$'}", "A", "x: Invalid value: \"A\": x in body should match '^[a-z]+$'")]
    [InlineData("{type: array, maxItems: 1, items: {type: integer}}", "[1, 2]", "x: Too many: 2: must have at most 1 item")]
    [InlineData("{type: array, minItems: 1, items: {type: integer}}", "[]", "x: Invalid value: 0: x in body should have at least 1 items")]
    [InlineData(
        "{type: array, items: {type: integer}}",
        "[1, a]",
        "x[1]: Invalid value: \"string\": x[1] in body must be of type integer: \"string\""
    )]
    [InlineData(
        "{type: object, maxProperties: 1, additionalProperties: {type: string}}",
        "{a: b, c: d}",
        "x: Too many: 2: must have at most 1 item"
    )]
    [InlineData(
        "{type: object, minProperties: 1, additionalProperties: {type: string}}",
        "{}",
        "x: Invalid value: 0: x in body should have at least 1 properties"
    )]
    [InlineData(
        "{type: object, additionalProperties: {type: string}}",
        "{a: 1}",
        "x.a: Invalid value: \"integer\": x.a in body must be of type string: \"integer\""
    )]
    [InlineData("{type: object, required: [a], properties: {a: {type: string}}}", "{}", "x.a: Required value")]
    [InlineData("{type: string, format: uuid}", "abc", "x: Invalid value: \"abc\": x in body must be of type uuid: \"abc\"")]
    [InlineData(
        "{type: string, format: date-time}",
        "yesterday",
        "x: Invalid value: \"yesterday\": x in body must be of type date-time: \"yesterday\""
    )]
    [InlineData(
        "{type: integer, format: int32}",
        "2147483648",
        "<nil>: Invalid value: \"\": Checked value must be of type integer with format int32 in x"
    )]
    [InlineData(
        "x-kubernetes-int-or-string: true",
        "true",
        "x: Invalid value: \"boolean\": x in body must be of type integer,string: \"boolean\""
    )]
    [InlineData("{type: array, x-kubernetes-list-type: set, items: {type: string}}", "[a, b, a, a]", "x[2]: Duplicate value: \"a\"")]
    [InlineData(
        "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, "
            + "required: [k], properties: {k: {type: string}}}}",
        "[{k: a}, {k: a}]",
        "x[1]: Duplicate value: {\"k\":\"a\"}"
    )]
    public void A_wrong_value_gets_the_words_of_the_API_server(string schema, string value, string error) =>
        Assert.Equal([error], SchemaOf($"x:\n  {schema}").Errors($"x: {value}"));

    [Theory]
    [InlineData("type: integer", "7.0")]
    [InlineData("type: number", "7")]
    [InlineData("{type: string, nullable: true}", "null")]
    [InlineData("{type: string, maxLength: 4}", "grün")]
    [InlineData("{type: string, maxLength: 1}", "\"\\U0001F600\"")]
    [InlineData("{type: string, format: uuid}", "83B8F4F2-509f-382f-3c1e-e6bfe0fa1001")]
    [InlineData("{type: string, format: date-time}", "\"2026-11-20T22:00:00.5Z\"")]
    [InlineData("{type: string, format: nobody-knows-it}", "abc")]
    [InlineData("x-kubernetes-int-or-string: true", "50%")]
    [InlineData("x-kubernetes-int-or-string: true", "50")]
    public void A_right_value_is_accepted(string schema, string value) => Assert.Empty(SchemaOf($"x:\n  {schema}").Errors($"x: {value}"));

    [Fact]
    public void A_fraction_is_no_integer_and_does_not_fit_one_either() =>
        Assert.Equal(
            [
                "x: Invalid value: \"number\": x in body must be of type integer: \"number\"",
                "<nil>: Invalid value: \"\": Checked value must be of type integer (default format) in x",
            ],
            SchemaOf("x: {type: integer}").Errors("x: 1.5")
        );

    [Fact]
    public void OneOf_that_nothing_meets_names_no_field_and_then_what_the_closest_alternative_misses()
    {
        var schema = SchemaOf(
            "spec: {type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}"
        );
        Assert.Empty(schema.Errors("spec: {a: x}"));
        Assert.Equal(
            [
                "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found none valid",
                "spec.a: Required value",
            ],
            schema.Errors("spec: {}")
        );
        Assert.Equal(
            ["<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid alternatives"],
            schema.Errors("spec: {a: x, b: y}")
        );
    }

    [Fact]
    public void AnyOf_allOf_and_not_have_their_words()
    {
        Assert.Equal(
            [
                "<nil>: Invalid value: \"\": \"x\" must validate at least one schema (anyOf)",
                "x: Invalid value: 5: x in body should be less than or equal to 1",
            ],
            SchemaOf("x: {type: integer, anyOf: [{maximum: 1}, {minimum: 9}]}").Errors("x: 5")
        );
        Assert.Equal(
            [
                "x: Invalid value: 5: x in body should be less than or equal to 1",
                "<nil>: Invalid value: \"\": \"x\" must validate all the schemas (allOf). None validated",
            ],
            SchemaOf("x: {type: integer, allOf: [{maximum: 1}]}").Errors("x: 5")
        );
        Assert.Equal(
            ["<nil>: Invalid value: \"\": \"x\" must not validate the schema (not)"],
            SchemaOf("x: {type: integer, not: {enum: [5]}}").Errors("x: 5")
        );
    }

    [Fact]
    public void A_required_field_of_the_root_has_a_path_without_a_dot() =>
        Assert.Equal(["spec: Required value"], SchemaOf("spec: {type: object}", "required: [spec]").Errors("metadata: {name: a}"));

    [Fact]
    public void What_did_not_change_is_not_refused_by_a_rule_that_came_later()
    {
        var schema = SchemaOf("spec: {type: object, properties: {a: {type: string, maxLength: 1}, b: {type: string}}}");
        Assert.Empty(schema.Errors("spec: {a: long, b: new}", old: "spec: {a: long, b: old}"));
        Assert.Equal(["spec.a: Too long: may not be more than 1 byte"], schema.Errors("spec: {a: longer}", old: "spec: {a: long}"));
    }

    [Fact]
    public void Items_of_a_map_list_are_found_again_by_their_key_and_those_of_other_lists_are_not()
    {
        const string item = "items: {type: object, required: [k], properties: {k: {type: string}, v: {type: integer, maximum: 1}}}";
        var map = SchemaOf($"x: {{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], {item}}}");
        Assert.Empty(map.Errors("x: [{k: b, v: 1}, {k: a, v: 5}]", old: "x: [{k: a, v: 5}]"));
        var atomic = SchemaOf($"x: {{type: array, {item}}}");
        Assert.Equal(
            ["x[1].v: Invalid value: 5: x[1].v in body should be less than or equal to 1"],
            atomic.Errors("x: [{k: b, v: 1}, {k: a, v: 5}]", old: "x: [{k: a, v: 5}]")
        );
    }

    [Fact]
    public void A_write_to_the_status_is_refused_for_its_status_alone()
    {
        var schema = SchemaOf(
            "spec: {type: object, properties: {n: {type: integer}}}\nstatus: {type: object, properties: {n: {type: integer, minimum: 0}}}"
        );
        var errors = schema.ValidateStatus(Yaml("{spec: {n: text}, status: {n: -1}}"), null);
        Assert.Equal(["status.n: Invalid value: -1: n in body should be greater than or equal to 0"], errors.Select(e => e.ToString()));
        Assert.Equal(
            "status: Invalid value: \"string\":  in body must be of type object: \"string\"",
            Assert.Single(schema.ValidateStatus(Yaml("status: text"), null)).ToString()
        );
    }

    [Fact]
    public void Several_errors_stand_in_brackets_each_once()
    {
        var error = FieldError.Required("spec.a");
        Assert.Equal("spec.a: Required value", FieldError.Join([error, error]));
        Assert.Equal("[spec.a: Required value, spec.b: Forbidden: no]", FieldError.Join([error, FieldError.Forbidden("spec.b", "no")]));
    }

    [Fact]
    public void Rules_are_not_asked_of_an_object_that_is_not_what_they_expect_and_that_is_said()
    {
        var schema = SchemaOf(
            "a: {type: string, enum: [A]}\nb: {type: object, properties: {c: {type: integer, maximum: 1, "
                + "x-kubernetes-validations: [{rule: self > 0}]}}}"
        );
        Assert.Equal(
            [
                "a: Unsupported value: \"B\": supported values: \"A\"",
                "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
                    + "correct the existing errors to complete validation",
            ],
            schema.Errors("a: B")
        );
        Assert.Equal(["b.c: Invalid value: 2: b.c in body should be less than or equal to 1"], schema.Errors("b: {c: 2}"));
    }
}
