using System.Text.RegularExpressions;

namespace Hostdev.Tests.Docs;

/// <summary>The commands that a page has, each with its line in the page and its words.</summary>
internal static partial class PageCommands
{
    private static readonly string[] s_shell = ["sh", "bash", "shell", "console", ""];

    /// <summary>Of blocks and of what stands in backticks.</summary>
    public static IEnumerable<(int Line, string[] Words)> All(MarkdownPage page) =>
        page.Blocks.Concat(page.Indented).SelectMany(Of).Concat(InProse(page));

    /// <summary>Of a block of shell; where it has prompts, of what stands behind them. None of another block.</summary>
    public static IEnumerable<(int Line, string[] Words)> Of(MarkdownBlock block) =>
        s_shell.Contains(block.Language)
            ? ShellText.Commands(Prompt().IsMatch(block.Text) ? Typed(block.Text) : block.Text).Select(c => (block.Line + c.Line, c.Words))
            : [];

    /// <summary>Of what stands in backticks.</summary>
    public static IEnumerable<(int Line, string[] Words)> InProse(MarkdownPage page) =>
        page.Code.SelectMany(c => ShellText.Commands(c.Text).Select(s => (c.Line, s.Words)));

    /// <summary>What is printed is an empty line, so that lines have their numbers.</summary>
    private static string Typed(string text)
    {
        var isTyped = false;
        var lines = text.Split('\n').ToList();
        for (var i = 0; i < lines.Count; i++)
        {
            isTyped = Prompt().IsMatch(lines[i]) || (isTyped && i > 0 && lines[i - 1].EndsWith('\\'));
            lines[i] = isTyped ? Prompt().Replace(lines[i], "") : "";
        }

        return string.Join('\n', lines);
    }

    [GeneratedRegex("^(?:[$#>] )", RegexOptions.Multiline)]
    private static partial Regex Prompt();
}
