using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Tests.Crds;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>
/// Whatever a machine has to say, the API server takes it: walks the CRD, so that a field which is added there cannot be forgotten.
/// </summary>
public sealed class StatusBoundsTests
{
    private static readonly StructuralSchema s_schema = CrdFiles.Schema("NodeDeviceState", "status");

    public static TheoryData<string> Texts =>
        [.. Fields(s_schema, "status").Where(f => IsText(f.Schema) && !IsWord(f.Schema)).Select(f => f.Path)];

    public static TheoryData<string> Lists =>
        [.. Fields(s_schema, "status").Where(f => f.Schema.Type == JsonType.Array).Select(f => f.Path)];

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_text_that_is_too_long_is_cut(string path) => IsTakenOnceCut(new Generator(text: p => p == path));

    [Theory]
    [MemberData(nameof(Lists))]
    public void A_list_that_is_too_long_is_cut_and_said(string path) =>
        Assert.True(IsTakenOnceCut(new Generator(list: p => p == path)).Truncated);

    [Theory]
    [InlineData("x")]
    [InlineData("\"")]
    [InlineData("ü")]
    [InlineData("🖧")]
    public void Every_text_that_is_too_long_is_cut(string letter) => IsTakenOnceCut(new Generator(text: _ => true, letter: letter));

    [Theory]
    [InlineData("x", 1, 3)]
    [InlineData("🖧", 40, 3)]
    [InlineData("x", 600, 1)]
    [InlineData("🖧", 1, 40)]
    public void Much_of_everything_is_cut(string letter, int outer, int inner) =>
        IsTakenOnceCut(
            new Generator(text: _ => true, letter: letter, items: p => p.Contains("[]", StringComparison.Ordinal) ? inner : outer)
        );

    [Fact]
    public void Every_list_that_is_too_long_is_cut() =>
        Assert.True(IsTakenOnceCut(new Generator(list: p => !p.Contains("[]", StringComparison.Ordinal))).Truncated);

    [Fact]
    public void What_is_said_when_a_status_is_refused_is_taken()
    {
        var status = Read(new Generator(text: _ => true).Of(s_schema, "status"));
        Assert.Empty(Errors(StatusLimit.Refused(status, new string('x', 10_000))));
    }

    private static NodeDeviceStateStatus IsTakenOnceCut(Generator generator)
    {
        var status = Read(generator.Of(s_schema, "status"));
        Assert.NotEmpty(Errors(status)); // otherwise the test would hold nothing
        var cut = StatusLimit.Cut(status);
        Assert.Empty(Errors(cut));
        Assert.InRange(Encoding.UTF8.GetByteCount(NodeDeviceStateWriter.ToJson(cut).ToJsonString()), 1, StatusLimit.Most);
        return cut;
    }

    private static NodeDeviceStateStatus Read(JsonNode json) =>
        Assert.IsType<NodeDeviceStateStatus>(NodeDeviceStateReader.ReadStatus(CrdFiles.Element(json)));

    private static IEnumerable<string> Errors(NodeDeviceStateStatus status)
    {
        var state = new JsonObject { ["status"] = NodeDeviceStateWriter.ToJson(status) };
        var schema = CrdFiles.Schema("NodeDeviceState");
        return [.. schema.Prune(state).Select(f => $"unknown field {f}"), .. schema.ValidateStatus(state, null).Select(e => e.ToString())];
    }

    private static bool IsText(StructuralSchema schema) =>
        schema.Type == JsonType.String && schema.Constraints is { Enum.IsEmpty: true, Format: "" };

    /// <summary>
    /// What has a form of its own, as an address or a word of the contract has: it is never long, and one that was cut would be none.
    /// </summary>
    private static bool IsWord(StructuralSchema schema) => schema.Constraints.Pattern is { } pattern && pattern.Text != AnyLine;

    /// <summary>Anything without control characters.</summary>
    private const string AnyLine = @"^[^\x00-\x1f\x7f-\x9f]*$";

    private static IEnumerable<(string Path, StructuralSchema Schema)> Fields(StructuralSchema schema, string path)
    {
        yield return (path, schema);
        var below = schema
            .Properties.Select(p => (p.Value, $"{path}.{p.Key}"))
            .Concat(schema.Items is { } items ? [(items, path + "[]")] : Array.Empty<(StructuralSchema, string)>());
        foreach (var field in below.SelectMany(b => Fields(b.Item1, b.Item2)))
            yield return field;
    }

    /// <summary>Makes a value of a schema with all its fields; texts differ, as the keys of lists must.</summary>
    private sealed class Generator(
        Func<string, bool>? text = null,
        Func<string, bool>? list = null,
        string letter = "x",
        Func<string, int>? items = null
    )
    {
        private int _next;

        public JsonNode Of(StructuralSchema schema, string path) =>
            schema switch
            {
                { Type: JsonType.Object } => new JsonObject(
                    schema.Properties.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Of(p.Value, $"{path}.{p.Key}")))
                ),
                { Type: JsonType.Array } => new JsonArray([
                    .. Enumerable
                        .Range(0, list?.Invoke(path) is true ? (int)schema.Constraints.MaxItems! + 1 : items?.Invoke(path) ?? 1)
                        .Select(_ => Of(schema.Items!, path + "[]")),
                ]),
                { Type: JsonType.Integer } => 1,
                { Type: JsonType.Boolean } => false,
                { Constraints.Enum: [{ } first, ..] } => first.DeepClone(),
                { Constraints.Format: "date-time" } => "2026-01-02T03:04:05Z",
                _ => Text(schema, path),
            };

        private static string Word(string pattern, int number) =>
            (
                (string[])
                    [
                        $"W{number}",
                        $"a.com/{number}",
                        $"{number & 0xffff:x4}:{number & 0xffff:x4}",
                        $"{number:x8}:00:00.0",
                        $"{number & 0xffffff:x6}",
                    ]
            ).First(w => Regex.IsMatch(w, pattern));

        private string Text(StructuralSchema schema, string path)
        {
            if (IsWord(schema))
                return Word(schema.Constraints.Pattern!.Text, _next++);
            var unique = $"{_next++}-";
            return text?.Invoke(path) is true
                ? new StringBuilder(unique).Insert(unique.Length, letter, (int)schema.Constraints.MaxLength!).ToString()
                : unique;
        }
    }
}
