using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Hostdev.Crds.Parsing;

/// <summary>YAML or JSON text as a JSON tree, by YAML 1.2's core schema (JSON is a part of it). Anchors resolve; duplicate keys are errors.</summary>
public static partial class YamlJson
{
    /// <summary>The first document of a text. Null with an empty <paramref name="error"/> never happens: an empty text is an error too.</summary>
    /// <param name="error">What is wrong, with line and column.</param>
    public static JsonNode? Parse(string text, out string error)
    {
        error = "";
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count == 0)
            {
                error = "the text is empty";
                return null;
            }

            if (Convert(stream.Documents[0].RootNode, 0) is { } node) return node;
            error = "the text holds no value";
            return null;
        }
        catch (YamlException e)
        {
            error = $"line {e.Start.Line}, column {e.Start.Column}: {e.InnerException?.Message ?? e.Message}";
            return null;
        }
    }

    private static JsonNode? Convert(YamlNode node, int depth)
    {
        if (depth > 64) throw new YamlException(node.Start, node.End, "nested deeper than 64 levels");
        switch (node)
        {
            case YamlMappingNode map:
                var result = new JsonObject();
                foreach (var (key, value) in map)
                {
                    var name = (key as YamlScalarNode)?.Value ?? throw new YamlException(key.Start, key.End, "a key must be a plain word");
                    result[name] = Convert(value, depth + 1);
                }

                return result;
            case YamlSequenceNode sequence:
                return new JsonArray([.. sequence.Select(n => Convert(n, depth + 1))]);
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new YamlException(node.Start, node.End, "only mappings, lists and plain values are allowed");
        }
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not ScalarStyle.Plain) return JsonValue.Create(text);
        if (text is "" or "~" or "null" or "Null" or "NULL") return null;
        if (text is "true" or "True" or "TRUE") return JsonValue.Create(true);
        if (text is "false" or "False" or "FALSE") return JsonValue.Create(false);
        if (Integer().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)) return JsonValue.Create(integer);
        if (Float().IsMatch(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)) return JsonValue.Create(number);
        return JsonValue.Create(text);
    }

    [GeneratedRegex("^[-+]?[0-9]+$")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex Float();
}
