using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests;

/// <summary>What an admin copies must work, and what an admin looks up must be there.</summary>
public sealed class DocumentationTests
{
    public static TheoryData<string> Examples =>
        [
            .. Directory
                .EnumerateFiles(Repository.Path("examples"), "*.yaml")
                .Select(p => Path.GetFileName(p))
                .Where(n => !n.StartsWith("kubevirt", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_is_understood_in_full(string file) =>
        IsUnderstood(File.ReadAllText(Repository.Path("examples", file)), $"examples/{file}");

    [Fact]
    public void Every_desired_state_in_the_readme_and_the_guide_is_understood_in_full()
    {
        foreach (var page in new[] { "README.md", "docs/guide.md" })
        {
            var blocks = File.ReadAllText(Repository.Path(page))
                .Split("```yaml\n")
                .Skip(1)
                .Select(b => b.Split("```")[0])
                .Where(b => b.StartsWith("policies:", StringComparison.Ordinal))
                .ToList();
            Assert.NotEmpty(blocks);
            foreach (var block in blocks)
                IsUnderstood(block, $"{page}: {block}");
        }
    }

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

    /// <summary>A promise without a test is none.</summary>
    [Fact]
    public void Every_test_that_the_threat_model_cites_is_there()
    {
        var page = File.ReadAllText(Repository.Path("docs", "security.md"));
        var cited = System.Text.RegularExpressions.Regex.Matches(page, @"`(\w+Tests|\w+Scenarios)\.(\w+)`").ToList();
        var tests = typeof(DocumentationTests)
            .Assembly.GetTypes()
            .SelectMany(t => t.GetMethods().Where(m => m.IsDefined(typeof(FactAttribute), inherit: true)).Select(m => $"{t.Name}.{m.Name}"))
            .ToHashSet(StringComparer.Ordinal);
        Assert.InRange(cited.Count, 20, 1000);
        Assert.Equal([], cited.Select(c => $"{c.Groups[1]}.{c.Groups[2]}").Where(c => !tests.Contains(c)));
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

    [Fact]
    public void Every_link_between_the_pages_leads_somewhere()
    {
        var pages = Directory
            .EnumerateFiles(Repository.Path("docs"), "*.md", SearchOption.AllDirectories)
            .Append(Repository.Path("README.md"))
            .Append(Repository.Path("CHANGELOG.md"));
        var broken = pages
            .SelectMany(p =>
                System
                    .Text.RegularExpressions.Regex.Matches(File.ReadAllText(p), @"\]\(([^)#:]+)(?:#[^)]*)?\)")
                    .Select(m => (Page: p, Target: m.Groups[1].Value))
            )
            .Where(l => !Path.Exists(Path.Combine(Path.GetDirectoryName(l.Page)!, l.Target)))
            .Select(l => $"{Path.GetRelativePath(Repository.Root, l.Page)} leads to {l.Target}");
        Assert.Equal([], broken);
    }

    private static void IsUnderstood(string text, string where)
    {
        var spec = NodeDeviceStateReader.Read(text, out var error);
        Assert.True(spec is not null, $"{where}: {error}");
        Assert.Equal([], spec.Policies.OfType<DesiredPolicy.Frozen>().Select(f => $"{where}: {f.Message}"));
    }
}
