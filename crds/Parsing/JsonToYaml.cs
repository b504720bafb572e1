using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Hostdev.Crds.Parsing;

/// <summary>Prints a JSON text as YAML with the same meaning: every string that YAML would take for something else is quoted.</summary>
public static class JsonToYaml
{
    public static string Convert(string json)
    {
        using var document = JsonDocument.Parse(json);
        using var writer = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        new YamlStream(new YamlDocument(Node(document.RootElement))).Save(writer, assignAnchors: false);
        // The library ends every document with "...", which kubectl and editors do not; a sentence may end with dots of its own.
        var text = writer.ToString().ReplaceLineEndings("\n").TrimEnd('\n') + "\n";
        const string end = "\n...\n";
        return text.EndsWith(end, StringComparison.Ordinal) ? text[..^(end.Length - 1)] : text;
    }

    private static YamlNode Node(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.Object => new YamlMappingNode(
                element.EnumerateObject().Select(p => KeyValuePair.Create<YamlNode, YamlNode>(Text(p.Name), Node(p.Value)))
            ),
            JsonValueKind.Array => new YamlSequenceNode(element.EnumerateArray().Select(Node)),
            JsonValueKind.String => Text(element.GetString()!),
            _ => new YamlScalarNode(element.GetRawText()) { Style = ScalarStyle.Plain },
        };

    private static YamlScalarNode Text(string text) => new(text) { Style = IsPlain(text) ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted };

    /// <summary>
    /// A word that begins with a letter or a slash and is none of YAML 1.1's words. Ids such as 1e10 and addresses such as 0000:41:00.0 are
    /// numbers to some readers.
    /// </summary>
    private static bool IsPlain(string text) =>
        text.Length > 0
        && (char.IsAsciiLetter(text[0]) || text[0] == '/')
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '.' or ' ')
        && text[^1] != ' '
        && text.ToLowerInvariant() is not ("true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n" or "null");
}
