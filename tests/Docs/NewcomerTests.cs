using System.Formats.Tar;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Tests.Demo;
using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// What somebody does who comes new to a cluster: by the words of one page, with the chart and the images that <c>hack/publish</c> made.
/// The cluster is the demo's: a container of it is our program, whatever its image, so that images are looked for and not run.
/// </summary>
[Trait(ShippedPrograms.Needs, ShippedPrograms.Published)]
public sealed class NewcomerTests(RunningDemo demo) : IClassFixture<RunningDemo>
{
    /// <summary>Its cluster's part.</summary>
    public const string Page = "docs/install.md";

    private const string Registry = "registry.example.com/hostdev";

    [Fact]
    public async Task The_page_leads_from_an_empty_cluster_to_a_pod_with_a_device_and_back()
    {
        using var reader = new PlaygroundReader(demo, ("REGISTRY", Registry), ("CHART", Chart));
        await reader.ReadAsync(MarkdownPage.Read(Page));
    }

    [Fact]
    public async Task Every_image_of_the_charts_package_is_an_archive_beside_it()
    {
        using var helm = new Helm(demo.Kubeconfig);
        var rendered = (await helm.RunAsync("template", "hostdev", Chart, "--set", $"image.registry={Registry}")).Succeeded().Output;
        var images = Regex
            .Matches(rendered, @"^ *image: ""?(?<image>[^""\s]+)""?$", RegexOptions.Multiline)
            .Select(m => m.Groups["image"].Value)
            .Distinct()
            .ToList();
        Assert.Equal(2, images.Count); // of the operator and of the agent
        foreach (var image in images)
        {
            Assert.StartsWith(Registry + "/", image, StringComparison.Ordinal);
            var (name, tag) = (image.Split('/')[^1].Split(':')[0], image.Split(':')[^1]);
            var archives = Directory.GetFiles(ShippedPrograms.PublishedDirectory, $"{name}-{tag}*.oci.tar");
            Assert.NotEmpty(archives);
            foreach (var archive in archives)
                Assert.NotEmpty((await IndexAsync(archive))["manifests"]!.AsArray());
        }
    }

    private static string Chart => Assert.Single(Directory.GetFiles(Path.GetFullPath(ShippedPrograms.PublishedDirectory), "hostdev-*.tgz"));

    private static async Task<JsonNode> IndexAsync(string archive)
    {
        await using var file = File.OpenRead(archive);
        using var reader = new TarReader(file);
        while (await reader.GetNextEntryAsync(copyData: true, TestContext.Current.CancellationToken) is { } entry)
            if (entry.Name.TrimStart('.', '/') == "index.json")
                return JsonNode.Parse(entry.DataStream!)!;
        throw new InvalidOperationException($"{archive} has no index.json");
    }
}
