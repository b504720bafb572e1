using System.Text.RegularExpressions;

namespace Hostdev.Tests.Docs;

/// <summary>What a page says that a command prints, compared with what it printed.</summary>
internal static class PrintedText
{
    private const string Anything = "...";

    /// <returns>The first line that is not as the page has it, and all that was printed; null where everything is.</returns>
    public static string? Difference(MarkdownBlock said, string printed)
    {
        string[] wanted = Lines(said.Text),
            lines = Lines(printed);
        var failed = 0;
        return Matches(0, 0)
            ? null
            : $"line {said.Line + failed} says\n{(failed < wanted.Length ? wanted[failed] : "(nothing more)")}\nand printed was\n{printed}";

        bool Matches(int want, int line)
        {
            failed = Math.Max(failed, want);
            if (want == wanted.Length)
                return line == lines.Length;
            if (wanted[want].Trim() == Anything)
                return Enumerable.Range(line, lines.Length - line + 1).Any(l => Matches(want + 1, l));
            return line < lines.Length && IsLike(wanted[want], lines[line]) && Matches(want + 1, line + 1);
        }
    }

    /// <summary>Columns are as wide as their widest cell, which differs: several blanks are as good as more.</summary>
    private static bool IsLike(string wanted, string line) =>
        Regex.IsMatch(
            Squeezed(line),
            "^" + string.Join(".*", Squeezed(wanted).Split(Anything).Select(Regex.Escape)) + "$",
            RegexOptions.CultureInvariant
        );

    private static string Squeezed(string line) => Regex.Replace(line.TrimEnd(), " {2,}", "  ");

    private static string[] Lines(string text) => text.Trim('\n', '\r', ' ').Split('\n');
}
