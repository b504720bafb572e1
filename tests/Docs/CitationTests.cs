using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>A promise without a test is none: what a page cites is there.</summary>
public sealed partial class CitationTests
{
    private static readonly ILookup<string, string> s_methods = typeof(CitationTests)
        .Assembly.GetTypes()
        .SelectMany(t => t.GetMethods().Where(m => m.IsDefined(typeof(FactAttribute), inherit: true)).Select(m => (t.Name, Method: m.Name)))
        .ToLookup(m => m.Name, m => m.Method);

    [Fact]
    public void Every_test_that_a_page_cites_is_there()
    {
        Findings.AreNone(Pages.All.SelectMany(Of));
        // The threat model's promises are the reason for the rest.
        Assert.InRange(MarkdownPage.Read("docs/security.md").Code.Count(c => Cited().IsMatch(c.Text)), 20, 1000);
    }

    [Theory]
    [InlineData("`CitationTests`, `CitationTests.Every_test_that_a_page_cites_is_there`, `CitationTests.Every_*`", null)]
    [InlineData("`NoSuchTests`", "page.md:1: NoSuchTests: no such class has tests")]
    [InlineData("`CitationTests.Nothing`", "page.md:1: CitationTests.Nothing: CitationTests has no such test")]
    [InlineData("`CitationTests.Nothing_*`", "page.md:1: CitationTests.Nothing_*: CitationTests has no such test")]
    public void A_test_that_is_not_there_is_found(string text, string? words) =>
        Assert.Equal(words is null ? [] : [words], Of(MarkdownPage.Of("page.md", text)));

    private static IEnumerable<string> Of(MarkdownPage page) =>
        from code in page.Code
        let cited = Cited().Match(code.Text)
        where cited.Success
        let words = Finding(cited.Groups["class"].Value, cited.Groups["method"].Value)
        where words is not null
        select $"{page.Name}:{code.Line}: {code.Text}: {words}";

    private static string? Finding(string type, string method) =>
        !s_methods.Contains(type) ? "no such class has tests"
        : method.Length == 0 || s_methods[type].Any(m => IsMeant(m, method)) ? null
        : $"{type} has no such test";

    private static bool IsMeant(string method, string cited) =>
        cited.EndsWith('*') ? method.StartsWith(cited[..^1], StringComparison.Ordinal) : method == cited;

    [GeneratedRegex(@"^(?<class>[A-Z]\w+(?:Tests|Scenarios))(?:\.(?<method>\w+\*?))?$")]
    private static partial Regex Cited();
}
