using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>What an API server takes but a careful author does not leave so.</summary>
public sealed class SchemaLintTests
{
    [Theory]
    [InlineData("{type: integer}", "x has no description: say what it means, its unit, its default and what a change disrupts")]
    [InlineData(
        "{type: string, description: a}",
        "x is a text without maxLength, enum or a format of known length: add how long it is at most"
    )]
    [InlineData(
        "{type: array, description: a, x-kubernetes-list-type: atomic, items: {type: integer}}",
        "x is a list without maxItems: add how many items it has at most"
    )]
    [InlineData(
        "{type: array, description: a, maxItems: 1, items: {type: integer}}",
        "x is a list without x-kubernetes-list-type: add atomic, set or map, which says how two appliers share it"
    )]
    [InlineData(
        "{type: object, description: a, additionalProperties: {type: integer}}",
        "x is a map without maxProperties: add how many members it has at most"
    )]
    [InlineData(
        "{type: object, description: a, maxProperties: 1, additionalProperties: {type: string}}",
        "x.* is a text without maxLength, enum or a format of known length: add how long it is at most"
    )]
    public void Each_finding_says_where_what_and_which_fix(string schema, string finding) =>
        Assert.Equal([finding], SchemaLint.Check(SchemaOf($"x: {schema}")));

    [Theory]
    [InlineData("{type: string, description: a, maxLength: 4}")]
    [InlineData("{type: string, description: a, enum: [A]}")]
    [InlineData("{type: string, description: a, format: date-time}")]
    [InlineData("{type: array, description: a, maxItems: 4, x-kubernetes-list-type: set, items: {type: string, maxLength: 4}}")]
    public void What_is_described_and_bounded_is_left_alone(string schema) => Assert.Empty(SchemaLint.Check(SchemaOf($"x: {schema}")));
}
