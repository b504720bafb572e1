using System.Globalization;

namespace Hostdev.Sandbox.Demo;

/// <summary>A finished step as lines, the same on a terminal and in a pipe.</summary>
internal static class StoryText
{
    /// <summary>The step's lines with what each is; null is the title.</summary>
    public static IEnumerable<(string Text, LineKind? Kind)> Lines(StepResult result, int width)
    {
        var took = Duration(result.Took);
        var title = $" {(result.Problem is null ? "✓" : "✗")} {result.Number, 2}  {result.Title}";
        yield return (title.PadRight(width - took.Length) + took, null);
        foreach (var line in result.Lines)
        {
            foreach (var text in Wrap(Mark(line.Kind) + line.Text, width, "            ", "        "))
                yield return (text, line.Kind);
        }

        if (result.Problem is null)
            yield break;
        foreach (var text in Wrap("did not come true: " + result.Problem, width, "            ", "        "))
            yield return (text, null);
    }

    public static string Duration(TimeSpan time) =>
        time.TotalSeconds < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0} ms")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");

    /// <summary>Breaks a text between words; a word that is longer than a line is cut.</summary>
    public static IEnumerable<string> Wrap(string text, int width, string indent, string first = "")
    {
        var line = first;
        var empty = true;
        foreach (var word in text.Split(' '))
        {
            var rest = word;
            if (!empty && line.Length + 1 + rest.Length > width)
            {
                yield return line;
                (line, empty) = (indent, true);
            }

            while (line.Length + rest.Length > width)
            {
                var fits = width - line.Length;
                yield return line + rest[..fits];
                (line, rest) = (indent, rest[fits..]);
            }

            line += empty ? rest : " " + rest;
            empty = false;
        }

        yield return line;
    }

    private static string Mark(LineKind kind) =>
        kind switch
        {
            LineKind.Act => ">   ",
            LineKind.Change => "~   ",
            LineKind.Quote => "\"   ",
            _ => "=   ",
        };
}
