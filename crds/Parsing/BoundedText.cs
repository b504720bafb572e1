using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// Texts of a status, which keep within what its schema allows: one that is longer than its <c>maxLength</c>, or has control characters
/// where there must be none, makes the API server refuse the whole object.
/// </summary>
public static class BoundedText
{
    /// <summary>The text in one line, printable (<see cref="PrintableText"/>); where it is longer its beginning and an ellipsis.</summary>
    /// <param name="most">In code points, which is what the API server counts. At least 1.</param>
    public static string Cut(string text, int most)
    {
        text = PrintableText.Of(text);
        if (text.Length <= most)
            return text; // no code point is less than one char
        var (points, end, last) = (0, 0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (++points > most)
                return string.Concat(text.AsSpan(0, last), "…");
            (last, end) = (end, end + rune.Utf16SequenceLength);
        }

        return text;
    }
}
