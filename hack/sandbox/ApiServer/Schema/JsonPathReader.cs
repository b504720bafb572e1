using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Reads a path in client-go's JSONPath notation.</summary>
internal static partial class JsonPathReader
{
    public static bool TryRead(string text, out ImmutableArray<JsonPathStep> steps)
    {
        var read = ImmutableArray.CreateBuilder<JsonPathStep>();
        steps = [];
        for (var at = 0; at < text.Length; )
        {
            var step = text[at] switch
            {
                '.' => Member(text, ref at),
                '[' => Bracket(text, ref at),
                _ => null,
            };
            if (step is null)
                return false;
            if (step is not JsonPathStep.Member { Name: "" })
                read.Add(step);
        }

        steps = read.ToImmutable();
        return true;
    }

    private static JsonPathStep Member(string text, ref int at)
    {
        var name = new StringBuilder();
        for (at++; at < text.Length && text[at] is not ('.' or '['); at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
                at++;
            name.Append(text[at]);
        }

        return name.ToString() == "*" ? new JsonPathStep.All() : new JsonPathStep.Member(name.ToString());
    }

    private static JsonPathStep? Bracket(string text, ref int at)
    {
        var end = End(text, at);
        if (end < 0)
            return null;
        var inside = text[(at + 1)..end].Trim();
        at = end + 1;
        if (inside == "*")
            return new JsonPathStep.All();
        if (inside is ['\'', .., '\''])
            return new JsonPathStep.Member(inside[1..^1]);
        if (int.TryParse(inside, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index))
            return new JsonPathStep.Item(index);
        if (inside.StartsWith("?(", StringComparison.Ordinal) && inside[^1] == ')')
            return Filter(inside[2..^1]);
        return SliceForm().Match(inside) is { Success: true } slice
            ? new JsonPathStep.Slice(Bound(slice.Groups[1]), Bound(slice.Groups[2]))
            : null;
    }

    /// <summary>The bracket that closes the one at <paramref name="at"/>, texts in quotes passed over.</summary>
    private static int End(string text, int at)
    {
        var (depth, quote) = (0, '\0');
        for (; at < text.Length; at++)
        {
            if (quote != '\0')
                quote = text[at] == quote ? '\0' : quote;
            else if (text[at] is '"' or '\'')
                quote = text[at];
            else if (text[at] == '[')
                depth++;
            else if (text[at] == ']' && --depth == 0)
                return at;
        }

        return -1;
    }

    private static JsonPathStep.Filter? Filter(string text)
    {
        if (FilterForm().Match(text) is not { Success: true } filter || !TryRead(filter.Groups[1].Value, out var path))
            return null;
        var wanted = filter.Groups[3].Value;
        if (filter.Groups[2].Length == 0)
            return new JsonPathStep.Filter(path, "", null);
        if (wanted is ['\'' or '"', .., _] && wanted[^1] == wanted[0])
            return new JsonPathStep.Filter(path, filter.Groups[2].Value, JsonValue.Create(wanted[1..^1]));
        try
        {
            return new JsonPathStep.Filter(path, filter.Groups[2].Value, JsonNode.Parse(wanted));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static int? Bound(Group group) =>
        group.Length == 0 ? null : int.Parse(group.ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(-?[0-9]*):(-?[0-9]*)\z")]
    private static partial Regex SliceForm();

    [GeneratedRegex(@"^\s*@(\S*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*?))?\s*\z")]
    private static partial Regex FilterForm();
}
