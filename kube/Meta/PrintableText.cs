using System.Buffers;
using System.Globalization;
using System.Text;

namespace Hostdev.Kube.Meta;

/// <summary>
/// Text of a host, a kubelet or an API server as it may be shown: what would move a terminal's cursor, turn the reading direction or hide
/// itself is written as an escape (<c>\u001b</c>), so that an admin sees that it is there. The one place for it: whatever leaves for a
/// terminal, a log, a status or an Event comes through here.
/// </summary>
public static class PrintableText
{
    private static readonly SearchValues<char> Plain = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c)]);

    /// <summary>In one line: line ends and tabs are escapes too. The text itself where nothing is to be done.</summary>
    public static string Of(string text) => Escape(text, keepsLines: false);

    /// <summary>Line ends stay, a carriage return before one among them; all else is as in <see cref="Of"/>.</summary>
    public static string Lines(string text) => Escape(text, keepsLines: true);

    private static string Escape(string text, bool keepsLines)
    {
        var first = text.AsSpan().IndexOfAnyExcept(Plain);
        if (first < 0)
            return text;
        var result = new StringBuilder(text.Length + 16);
        result.Append(text, 0, first);
        for (var i = first; i < text.Length; )
        {
            var isWhole = Rune.TryGetRuneAt(text, i, out var rune);
            var length = isWhole ? rune.Utf16SequenceLength : 1;
            var isLineEnd = text[i] == '\n' || (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n');
            if (isWhole && ((keepsLines && isLineEnd) || IsShown(rune)))
                result.Append(text, i, length);
            else
                AppendEscape(result, text.AsSpan(i, length));
            i += length;
        }

        return result.ToString();
    }

    /// <summary>
    /// Whether it is a glyph or a space. Format characters (Unicode category Cf) are not: those that turn the reading direction
    /// (U+202E, U+2066), and those without width.
    /// </summary>
    private static bool IsShown(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is not (
                UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Surrogate
            );

    private static void AppendEscape(StringBuilder to, ReadOnlySpan<char> what)
    {
        switch (what)
        {
            case "\n":
                to.Append("\\n");
                break;
            case "\r":
                to.Append("\\r");
                break;
            case "\t":
                to.Append("\\t");
                break;
            default:
                foreach (var unit in what)
                    to.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
                break;
        }
    }
}
