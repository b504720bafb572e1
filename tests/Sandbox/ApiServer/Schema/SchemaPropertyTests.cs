using System.Diagnostics;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>What holds for every object, whatever stands in it.</summary>
public sealed class SchemaPropertyTests
{
    private static readonly StructuralSchema s_schema = SchemaOf(
        """
        spec:
          type: object
          default: {}
          properties:
            a: {type: string, default: x, maxLength: 3}
            b: {type: integer, nullable: true, minimum: 0}
            c:
              type: array
              x-kubernetes-list-type: set
              items: {type: object, x-kubernetes-map-type: atomic, properties: {a: {type: string, default: y}, b: {type: integer}}}
            d: {type: object, additionalProperties: {type: object, nullable: true, properties: {a: {type: string, default: z}}}}
            e: {x-kubernetes-preserve-unknown-fields: true}
            f: {x-kubernetes-int-or-string: true}
        """
    );

    private static readonly Gen<string> s_names = Gen.Elements("spec", "a", "b", "c", "d", "e", "f", "g", "metadata");

    [Fact]
    public void Defaulting_twice_is_defaulting_once() =>
        Check(value =>
        {
            s_schema.ApplyDefaults(value);
            return Unchanged(value, s_schema.ApplyDefaults);
        });

    [Fact]
    public void Pruning_twice_is_pruning_once_and_finds_nothing_more() =>
        Check(value =>
        {
            s_schema.Prune(value);
            return Unchanged(value, v => Assert.Empty(s_schema.Prune(v)));
        });

    [Fact]
    public void Validating_changes_nothing_and_says_the_same_again() =>
        Check(value => Unchanged(value, v => Assert.Equal(s_schema.Validate(v, null), s_schema.Validate(v, null))));

    [Fact]
    public void An_object_that_is_written_back_unchanged_is_never_refused() => Check(value => s_schema.Validate(value, value).IsEmpty);

    [Fact]
    public void Every_error_names_a_field_of_the_object_or_one_that_is_missing() =>
        Check(value =>
            s_schema
                .Validate(value, null)
                .All(e => e.Path == FieldError.NoPath || e.Path.StartsWith("spec", StringComparison.Ordinal) || e.Path == "metadata")
        );

    [Fact]
    public void A_large_object_is_validated_in_milliseconds()
    {
        var value = Yaml("spec: {}");
        value["spec"]!["c"] = new JsonArray([
            .. Enumerable.Range(0, 2000).Select(i => (JsonNode)new JsonObject { ["a"] = $"item {i}", ["b"] = i }),
        ]);
        Assert.InRange(value.ToJsonString().Length, 50_000, 100_000);
        s_schema.Validate(value, null);
        var watch = Stopwatch.StartNew();
        Assert.Empty(s_schema.Validate(value, null));
        Assert.InRange(watch.ElapsedMilliseconds, 0, 500);
    }

    private static bool Unchanged(JsonObject value, Action<JsonObject> action)
    {
        var before = value.DeepClone();
        action(value);
        return JsonNode.DeepEquals(before, value);
    }

    private static void Check(Func<JsonObject, bool> property) =>
        Prop.ForAll(Objects(3).ToArbitrary(), text => property(JsonNode.Parse(text)!.AsObject())).QuickCheckThrowOnFailure();

    /// <summary>As text, so that each run has an object of its own.</summary>
    private static Gen<string> Objects(int depth) =>
        from count in Gen.Choose(0, 5)
        from names in s_names.ArrayOf(count)
        from values in Values(depth).ArrayOf(count)
        select $"{{{string.Join(',', names.Zip(values).DistinctBy(m => m.First).Select(m => $"\"{m.First}\":{m.Second}"))}}}";

    private static Gen<string> Values(int depth)
    {
        var scalars = Gen.Elements("null", "true", "5", "-1", "1.5", "\"a\"", "\"long text\"", "{}", "[]");
        return depth == 0
            ? scalars
            : Gen.OneOf(
                scalars,
                Objects(depth - 1),
                from count in Gen.Choose(0, 3)
                from items in Values(depth - 1).ArrayOf(count)
                select $"[{string.Join(',', items)}]"
            );
    }
}
