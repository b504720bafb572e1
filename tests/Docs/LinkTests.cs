using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>Where pages lead.</summary>
public sealed class LinkTests
{
    private static readonly Dictionary<string, MarkdownPage> s_pages = Pages.All.ToDictionary(p => p.Name);

    [Fact]
    public void Every_link_leads_to_something_that_is_there() => Findings.AreNone(Pages.All.SelectMany(Of));

    [Fact]
    public void Every_page_of_docs_is_reached_from_its_index()
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        Follow("docs/README.md", reached);
        Findings.AreNone(
            s_pages
                .Keys.Where(p => p.StartsWith("docs/", StringComparison.Ordinal) && !reached.Contains(p))
                .Select(p => $"{p}:1: no link leads here from docs/README.md")
        );
    }

    [Theory]
    [InlineData("[x](absent.md)", "absent.md: there is no docs/absent.md")]
    [InlineData("[x](../README.md#nothing-of-the-kind)", "../README.md#nothing-of-the-kind: README.md has no such heading")]
    [InlineData("# A\n\n[x](#b)", "#b: docs/page.md has no such heading")]
    [InlineData("[x](http://example.com)", "http://example.com: https alone")]
    [InlineData("[x](../../outside.md)", "../../outside.md: outside of the repository")]
    [InlineData("<https://example.com> [x](guide.md#the-chart) ![x](../examples) [x](#a)\n# A", null)]
    public void A_link_that_leads_nowhere_is_found(string text, string? words)
    {
        var line = text.Contains("\n\n", StringComparison.Ordinal) ? 3 : 1;
        Assert.Equal(words is null ? [] : [$"docs/page.md:{line}: {words}"], Of(MarkdownPage.Of("docs/page.md", text)));
    }

    private static IEnumerable<string> Of(MarkdownPage page) =>
        page
            .Links.Select(l => (l.Line, l.Target, Words: Finding(page, l.Target)))
            .Where(f => f.Words is not null)
            .Select(f => $"{page.Name}:{f.Line}: {f.Target}: {f.Words}");

    /// <summary>What is the matter with a link; null for nothing.</summary>
    private static string? Finding(MarkdownPage page, string target)
    {
        if (Regex.IsMatch(target, "^[a-z][a-z0-9+.-]*:"))
            return target.StartsWith("mailto:", StringComparison.Ordinal) ? null
                : !Uri.TryCreate(target, UriKind.Absolute, out var uri) || !uri.IsWellFormedOriginalString() ? "no address"
                : uri.Scheme != "https" ? "https alone"
                : null;
        if (Resolve(page, target) is not { } path)
            return "outside of the repository";
        if (!Path.Exists(Repository.Path(path)) && path != page.Name)
            return $"there is no {path}";
        var anchor = target.Contains('#', StringComparison.Ordinal) ? target.Split('#')[1] : "";
        var led = path == page.Name ? page : s_pages.GetValueOrDefault(path);
        return anchor.Length == 0 || (led is null ? Regex.IsMatch(anchor, "^L[0-9]+$") : led.Anchors.Contains(anchor))
            ? null
            : $"{path} has no such heading";
    }

    /// <summary>The path below the root that a link of a page leads to; null where that is outside.</summary>
    private static string? Resolve(MarkdownPage page, string target)
    {
        var file = Uri.UnescapeDataString(target.Split('#')[0]);
        if (file.Length == 0)
            return page.Name;
        var path = Path.GetFullPath(file, Path.GetDirectoryName(Repository.Path(page.Name))!);
        var relative = Path.GetRelativePath(Repository.Root, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? null : relative;
    }

    /// <summary>A link to a folder shows what is in it.</summary>
    private static void Follow(string path, HashSet<string> reached)
    {
        if (!reached.Add(path))
            return;
        if (s_pages.TryGetValue(path, out var page))
            foreach (
                var next in page.Links.Where(l => !l.Target.Contains(':', StringComparison.Ordinal)).Select(l => Resolve(page, l.Target))
            )
                Follow(next ?? path, reached);
        else
            foreach (var within in s_pages.Keys.Where(p => Path.GetDirectoryName(p) == path))
                Follow(within, reached);
    }
}
