using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests;

/// <summary>What an admin looks up must be there. What pages lead to and tell to run is held by <c>Docs</c>.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void The_guide_explains_every_reason()
    {
        var guide = WordTables.Matches("docs/guide.md");
        var risks = Risks.All.Select(r => r.Reason).ToHashSet();
        Assert.Equal([], Risks.All.Where(r => !guide.Contains($"\n{WordTables.Row(r)}\n", StringComparison.Ordinal)));
        Assert.Equal([], Reasons.All.Except(risks).Where(r => !guide.Contains($"\n{WordTables.Row(r)}\n", StringComparison.Ordinal)));
        Assert.Equal([], WritableFiles.All.Where(f => !guide.Contains($"\n{WordTables.Row(f)}\n", StringComparison.Ordinal)));
        Assert.Equal([], FindingState.All.Where(s => !guide.Contains($"\n{WordTables.Row(s)}\n", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_readme_explains_reasons_in_the_words_of_the_guide() =>
        Assert.Contains("| `InUse` |", WordTables.Matches("README.md"), StringComparison.Ordinal);

    [Fact]
    public void The_guide_explains_every_metric_of_the_operator()
    {
        var guide = File.ReadAllText(Repository.Path("docs", "guide.md"));
        var source = File.ReadAllText(Repository.Path("operator", "Monitoring", "OperatorMetrics.cs"));
        var names = System
            .Text.RegularExpressions.Regex.Matches(source, "\"(hostdev\\.[a-z.]+)\"")
            .Select(m => m.Groups[1].Value.Replace('.', '_'))
            .ToList();
        Assert.NotEmpty(names);
        Assert.Equal([], names.Where(n => !System.Text.RegularExpressions.Regex.IsMatch(guide, $"`{n}(_seconds|_total)?`")));
    }

    [Fact]
    public void Every_page_that_a_comment_cites_is_there()
    {
        var sources = new[] { "crds", "planning", "projection", "device-plugin", "operator", "kube", "telemetry", "hack", "tests" }
            .SelectMany(d => Directory.EnumerateFiles(Repository.Path(d), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal));
        const string page = @"\b(?:contracts/\w+\.md|adr/\d{4}[\w-]*|style\.md)";
        var cited = sources
            .SelectMany(f => System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(f), page).Select(m => m.Value))
            .Distinct(StringComparer.Ordinal)
            .ToList();
        Assert.Contains("contracts/kernel.md", cited);
        Assert.Equal([], cited.Where(c => Directory.GetFiles(Repository.Path("docs"), c + "*").Length == 0));
    }
}
