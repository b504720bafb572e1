using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>What an admin copies is accepted: by the schema, with nothing pruned, and by every rule.</summary>
public sealed class ExampleTests
{
    public static TheoryData<string> Examples =>
        [
            .. Directory
                .EnumerateFiles(Repository.Path("examples", "cluster"), "*.yaml")
                .Select(f => Path.GetFileName(f))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>Files of the desired state hold the same specs as objects do.</summary>
    public static TheoryData<string> DesiredFiles =>
        [
            .. Directory
                .EnumerateFiles(Repository.Path("examples"), "*.yaml")
                .Select(f => Path.GetFileName(f))
                .Where(n => n != "kubevirt.yaml")
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_object_that_is_an_example_is_accepted(string file) =>
        IsAccepted(File.ReadAllText(Repository.Path("examples", "cluster", file)), file);

    [Theory]
    [MemberData(nameof(DesiredFiles))]
    public void A_policy_of_a_desired_file_is_accepted_as_an_object(string file)
    {
        foreach (
            var policy in Assert.Single(CrdFiles.Documents(File.ReadAllText(Repository.Path("examples", file))))["policies"]!.AsArray()
        )
        {
            var resource = new JsonObject
            {
                ["kind"] = policy!["kind"]!.DeepClone(),
                ["metadata"] = new JsonObject { ["name"] = "x" },
                ["spec"] = policy["spec"]!.DeepClone(),
            };
            Assert.True(CrdFiles.Errors(resource, null) is [], $"{file}: {resource}");
        }
    }

    [Fact]
    public void Every_object_of_ours_in_the_pages_is_accepted()
    {
        var blocks = new[] { "README.md", "docs/guide.md" }
            .SelectMany(page =>
                File.ReadAllText(Repository.Path(page)).Split("```yaml\n").Skip(1).Select(b => (page, Text: b.Split("```")[0]))
            )
            .Where(b => b.Text.Contains("apiVersion: hostdev.io/", StringComparison.Ordinal))
            .ToList();
        Assert.NotEmpty(blocks);
        foreach (var (page, text) in blocks)
            IsAccepted(text, page);
    }

    private static void IsAccepted(string text, string where)
    {
        foreach (var resource in CrdFiles.Documents(text))
        {
            var errors = CrdFiles.Errors(resource, null);
            Assert.True(errors.Count == 0, $"{where}: {string.Join('\n', errors)}");
        }
    }
}
