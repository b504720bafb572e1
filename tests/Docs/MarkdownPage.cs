using System.Text;
using System.Text.RegularExpressions;
using Markdig;
using Markdig.Helpers;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Hostdev.Tests.Docs;

/// <summary>A page of the repository, cut into what a test can check or run.</summary>
internal sealed partial class MarkdownPage
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().UsePipeTables().UsePreciseSourceLocation().Build();

    private readonly string _text;

    private MarkdownPage(string name, string text)
    {
        (Name, _text) = (name, text);
        var document = Markdown.Parse(text, s_pipeline);
        Blocks = [.. document.Descendants<FencedCodeBlock>().Select(Block)];
        Indented = [.. document.Descendants<CodeBlock>().Where(b => b is not FencedCodeBlock).Select(Block)];
        Links =
        [
            .. document.Descendants<LinkInline>().Select(l => (l.Url ?? "", LineOf(l.Span.Start))),
            .. document.Descendants<AutolinkInline>().Select(l => (l.IsEmail ? "mailto:" + l.Url : l.Url, LineOf(l.Span.Start))),
        ];
        Code = [.. document.Descendants<CodeInline>().Select(c => (c.Content, LineOf(c.Span.Start)))];
        Anchors = AnchorsOf(document);
    }

    /// <summary>Its path below the repository's root.</summary>
    public string Name { get; }

    /// <summary>Its fenced blocks, from top to bottom.</summary>
    public IReadOnlyList<MarkdownBlock> Blocks { get; }

    /// <summary>Its blocks of code that are indented instead.</summary>
    public IReadOnlyList<MarkdownBlock> Indented { get; }

    /// <summary>Where its links and pictures lead, each with its line.</summary>
    public IReadOnlyList<(string Target, int Line)> Links { get; }

    /// <summary>What stands in backticks within its prose, each with its line.</summary>
    public IReadOnlyList<(string Text, int Line)> Code { get; }

    /// <summary>What a link to a part of it may name after <c>#</c>.</summary>
    public IReadOnlySet<string> Anchors { get; }

    /// <param name="path">A path below the repository's root.</param>
    public static MarkdownPage Read(string path) => new(path, File.ReadAllText(Repository.Path(path)));

    public static MarkdownPage Of(string name, string text) => new(name, text);

    /// <summary>The anchor of a heading, as GitHub makes it of its text.</summary>
    public static string Slug(string heading) =>
        NotInSlug().Replace(heading.ToLowerInvariant(), "").Replace(" ", "-", StringComparison.Ordinal);

    public override string ToString() => Name;

    /// <summary>
    /// What a reader does at a place, from top to bottom: files written, manifests applied, commands run, with what each prints.
    /// </summary>
    /// <param name="place">See <see cref="MarkdownBlock.Place"/>. A file whose name is absolute is a host's.</param>
    /// <returns>Empty where no block of the page is run there.</returns>
    public IReadOnlyList<PageStep> Steps(string place)
    {
        if (!Blocks.Any(b => b.IsRunAt(place)))
            return [];
        var steps = new List<PageStep>();
        for (var i = 0; i < Blocks.Count; i++)
        {
            var block = Blocks[i];
            if (block.File is { } file)
            {
                if (!Path.IsPathRooted(file) || place == "machine" || place.StartsWith(MarkdownBlock.OnHost, StringComparison.Ordinal))
                    steps.Add(new PageStep.Write(block.Line, file, block.Text));
            }
            else if (block.Language == "yaml" && block.Place == place)
                steps.Add(new PageStep.Apply(block.Line, block.Text));
            else if (block.IsRunAt(place))
                steps.Add(
                    new PageStep.Run(block.Line, block.Text, Blocks.ElementAtOrDefault(i + 1) is { Language: "text" } said ? said : null)
                );
        }

        return steps;
    }

    private static MarkdownBlock Block(CodeBlock block)
    {
        var text = new StringBuilder();
        foreach (StringLine line in block.Lines.Lines.Take(block.Lines.Count))
            text.Append(line.Slice.ToString()).Append('\n');
        if (block is not FencedCodeBlock fenced)
            return new("", [], text.ToString(), block.Line + 1);
        var words = (fenced.Arguments ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new(fenced.Info ?? "", words, text.ToString(), block.Line + 2);
    }

    /// <summary>
    /// As GitHub makes them: small letters, blanks as hyphens, no other character than letters, digits, hyphens and underscores; a number
    /// after what was there before. Beside them what HTML names.
    /// </summary>
    private HashSet<string> AnchorsOf(MarkdownDocument document)
    {
        var anchors = new HashSet<string>(StringComparer.Ordinal);
        foreach (var heading in document.Descendants<HeadingBlock>())
        {
            var text = new StringBuilder();
            foreach (var inline in heading.Inline!.Descendants())
                text.Append(
                    inline switch
                    {
                        LiteralInline l => l.Content.ToString(),
                        CodeInline c => c.Content,
                        _ => "",
                    }
                );
            var slug = Slug(text.ToString());
            for (var number = 0; !anchors.Add(number == 0 ? slug : $"{slug}-{number}"); number++) { }
        }

        anchors.UnionWith(Named().Matches(_text).Select(m => m.Groups[1].Value));
        return anchors;
    }

    private int LineOf(int offset) => _text.AsSpan(0, offset).Count('\n') + 1;

    [GeneratedRegex(@"[^\p{L}\p{M}\p{N}_ -]")]
    private static partial Regex NotInSlug();

    [GeneratedRegex("<a (?:id|name)=\"([^\"]+)\"")]
    private static partial Regex Named();
}
