using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.DevicePlugin.Reporting;
using Xunit;

namespace Hostdev.Tests.Reporting;

public sealed class MergePatchTests
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a":1}""", null)]
    [InlineData("""{"a":1}""", """{"a":2}""", """{"a":2}""")]
    [InlineData("""{"a":1,"b":2}""", """{"b":2}""", """{"a":null}""")]
    [InlineData("""{"o":{"x":1,"y":2}}""", """{"o":{"x":1,"y":3}}""", """{"o":{"y":3}}""")]
    [InlineData("""{"o":{"x":1}}""", """{"o":[1]}""", """{"o":[1]}""")]
    [InlineData("""{"l":[1,2]}""", """{"l":[1,2,3]}""", """{"l":[1,2,3]}""")]
    [InlineData("""{}""", """{"o":{"x":{"y":1}}}""", """{"o":{"x":{"y":1}}}""")]
    public void Holds_what_differs_and_nothing_else(string before, string after, string? patch) =>
        Assert.Equal(patch, MergePatch.Between(Json(before), Json(after))?.ToJsonString());

    [Fact]
    public void Applied_to_the_one_it_gives_the_other()
    {
        var values = Gen.Elements("1", "\"x\"", "{\"p\":1}", "{\"p\":2,\"q\":[1]}", "[1,{\"r\":2}]", "{\"p\":{\"s\":true}}");
        var objects = Gen.Elements("a", "b", "c", "d")
            .SelectMany(_ => values, (name, value) => (name, value))
            .ListOf()
            .Select(pairs => Json("{" + string.Join(',', pairs.DistinctBy(p => p.name).Select(p => $"\"{p.name}\":{p.value}")) + "}"));
        Prop.ForAll(
                objects.Two().ToArbitrary(),
                pair =>
                {
                    var (before, after) = pair;
                    var result = before.DeepClone().AsObject();
                    if (MergePatch.Between(before, after) is { } patch)
                        Apply(result, patch);
                    return JsonNode.DeepEquals(result, after);
                }
            )
            .QuickCheckThrowOnFailure();
    }

    /// <summary>RFC 7386, "Processing Merge Patch Documents".</summary>
    private static void Apply(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch.ToList())
        {
            if (value is null)
                target.Remove(name);
            else if (value is not JsonObject inner)
                target[name] = value.DeepClone();
            else
            {
                if (target[name] is not JsonObject)
                    target[name] = new JsonObject();
                Apply(target[name]!.AsObject(), inner);
            }
        }
    }

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();
}
