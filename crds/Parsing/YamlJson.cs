using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// YAML or JSON text as a JSON tree, by YAML 1.2's core schema (JSON is a part of it). Anchors resolve; duplicate keys are errors.
/// </summary>
public static partial class YamlJson
{
    private const int MaxDepth = 64;
    private const int MaxValues = 200_000;

    /// <summary>Of all values and keys, anchors counted wherever they are used: 16 million characters are 32 MiB.</summary>
    private const int MaxCharacters = 1 << 24;

    /// <summary>The one document of a text. Null with an empty <paramref name="error"/> never happens: an empty text is an error
    /// too.</summary>
    /// <param name="error">What is wrong, with line and column.</param>
    public static JsonNode? Parse(string text, out string error) => Read(text, mostDocuments: 1, out error).FirstOrDefault();

    /// <summary>
    /// The documents of a text, in their order; what stands between two of their marks (<c>---</c>) and holds nothing is none. Empty only
    /// with an error.
    /// </summary>
    /// <param name="error">What is wrong, with line and column.</param>
    public static ImmutableArray<JsonNode> ParseAll(string text, out string error) => Read(text, int.MaxValue, out error);

    private static ImmutableArray<JsonNode> Read(string text, int mostDocuments, out string error)
    {
        error = "";
        var parser = new BoundedParser(text);
        try
        {
            var stream = new YamlStream();
            stream.Load(parser);
            if (stream.Documents.Count == 0)
            {
                error = "the text is empty";
                return [];
            }

            if (
                stream.Documents.Skip(mostDocuments).FirstOrDefault(d => d.RootNode is not YamlScalarNode { Value: null or "" }) is
                { RootNode.Start: var second }
            )
            {
                error =
                    $"line {second.Line}, column {second.Column}: a second document begins here (after \"---\"), "
                    + "which would be passed over: put everything into one document";
                return [];
            }

            var room = new Room { Values = MaxValues, Characters = MaxCharacters };
            ImmutableArray<JsonNode> read =
            [
                .. stream.Documents.Take(mostDocuments).Select(d => Convert(d.RootNode, 0, room)).OfType<JsonNode>(),
            ];
            if (read.IsEmpty)
                error = "the text holds no value";
            return read;
        }
        catch (YamlException e)
        {
            error = LineIndentedByTab(text) is { } line
                ? $"line {line}, column 1: a tab stands where the line is indented, which YAML does not allow: indent with blanks alone"
                : $"line {e.Start.Line}, column {e.Start.Column}: {e.InnerException?.Message ?? e.Message}";
            return [];
        }
        // YamlDotNet's other answers to broken text, for example a list that is not closed
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            var at = parser.Current?.End ?? Mark.Empty;
            error = $"line {at.Line}, column {at.Column}: what follows does not fit here: a list or mapping before it may not be closed";
            return [];
        }
    }

    /// <summary>The first one, from 1; null where none is, and in JSON, which may be.</summary>
    private static int? LineIndentedByTab(string text)
    {
        if (text.AsSpan().TrimStart() is ['{' or '[', ..])
            return null;
        var lines = text.Split('\n');
        var index = Array.FindIndex(
            lines,
            l => l.AsSpan(0, l.Length - l.AsSpan().TrimStart().Length).Contains('\t') && !string.IsNullOrWhiteSpace(l)
        );
        return index < 0 ? null : index + 1;
    }

    private static JsonNode? Convert(YamlNode node, int depth, Room room)
    {
        if (depth > MaxDepth)
            throw TooDeep(node.Start, node.End); // by way of anchors
        room.Take(node);
        switch (node)
        {
            case YamlMappingNode map:
                var result = new JsonObject();
                foreach (var (key, value) in map)
                {
                    var name = (key as YamlScalarNode)?.Value ?? throw new YamlException(key.Start, key.End, "a key must be a plain word");
                    if (name == "<<" && key is YamlScalarNode { Style: ScalarStyle.Plain })
                        throw new YamlException(
                            key.Start,
                            key.End,
                            "\"<<\" merges nothing in YAML 1.2: write the fields of what it names here"
                        );
                    room.Take(key);
                    // YamlDotNet tells a from "a"; JSON does not, and the second would silently win.
                    if (!result.TryAdd(name, Convert(value, depth + 1, room)))
                        throw new YamlException(key.Start, key.End, $"Duplicate key {name}");
                }

                return result;
            case YamlSequenceNode sequence:
                var list = new JsonArray();
                foreach (var item in sequence)
                    list.Add(Convert(item, depth + 1, room));
                return list;
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new YamlException(node.Start, node.End, "only mappings, lists and plain values are allowed");
        }
    }

    /// <summary>What may still come: a few lines with anchors stand for as much as anybody likes.</summary>
    private sealed class Room
    {
        public required int Values { get; set; }

        public required int Characters { get; set; }

        public void Take(YamlNode node)
        {
            if (--Values < 0)
                throw TooLarge(node, $"{MaxValues} values");
            Characters -= (node as YamlScalarNode)?.Value?.Length ?? 0;
            if (Characters < 0)
                throw TooLarge(node, $"{MaxCharacters} characters");
        }

        private static YamlException TooLarge(YamlNode node, string bound) =>
            new(node.Start, node.End, $"too large: more than {bound}, anchors counted wherever they are used");
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not ScalarStyle.Plain)
            return JsonValue.Create(text);
        if (text is "" or "~" or "null" or "Null" or "NULL")
            return null;
        if (text is "true" or "True" or "TRUE")
            return JsonValue.Create(true);
        if (text is "false" or "False" or "FALSE")
            return JsonValue.Create(false);
        if (Integer().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            return JsonValue.Create(integer);
        if (
            Float().IsMatch(text)
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
        )
            return JsonValue.Create(number);
        return JsonValue.Create(text);
    }

    private static YamlException TooDeep(Mark start, Mark end) => new(start, end, $"nested deeper than {MaxDepth} levels");

    [GeneratedRegex("^[-+]?[0-9]+$")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex Float();

    /// <summary>
    /// Stops at too many levels before YamlDotNet builds its nodes, which it does by recursion: a stack that overflows ends the process.
    /// </summary>
    private sealed class BoundedParser(string text) : IParser
    {
        private readonly Parser _inner = new(new StringReader(text));
        private int _depth;

        public ParsingEvent? Current => _inner.Current;

        public bool MoveNext()
        {
            if (!_inner.MoveNext())
                return false;
            if (_inner.Current is MappingStart or SequenceStart && ++_depth > MaxDepth)
                throw TooDeep(_inner.Current.Start, _inner.Current.End);
            if (_inner.Current is MappingEnd or SequenceEnd)
                _depth--;
            return true;
        }
    }
}
