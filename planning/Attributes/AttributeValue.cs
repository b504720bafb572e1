using System.Globalization;

namespace Hostdev.Planning.Attributes;

/// <summary>Values as policies write them and as files show them.</summary>
public static class AttributeValue
{
    /// <summary>
    /// Whether a file that reads so is set to the value: as it stands, as another writing of the same number, or as the one of a list of
    /// choices that is in brackets (<c>[low] normal high</c>).
    /// </summary>
    public static bool Shows(string text, string value) =>
        text == value || Chosen(text) == value.Trim() || (Number(text) is { } number && number == Number(value));

    /// <summary>What is written to have a file read so again.</summary>
    public static string ToWrite(string text) => Chosen(text) ?? text;

    /// <summary>Whether a driver may have made the one of the other: it rounds numbers to what its hardware has.</summary>
    public static bool AreNumbers(string text, string value) => Number(text) is not null && Number(value) is not null;

    private static string? Chosen(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 1 && words.Where(w => w is ['[', .., ']']).ToList() is [var chosen] ? chosen[1..^1] : null;
    }

    /// <summary>As kstrtoull(9) reads it with base 0, but for octal.</summary>
    private static ulong? Number(string text)
    {
        var trimmed = text.Trim();
        return trimmed.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(trimmed.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex)
                ? hex
                : null
            : ulong.TryParse(trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : null;
    }
}
