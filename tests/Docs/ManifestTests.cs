using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Crds;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>What an admin copies is understood: each <c>yaml</c> block of a page, and each file of <c>examples</c>.</summary>
public sealed partial class ManifestTests
{
    /// <summary>Kinds that the simulated API server has, and is sent.</summary>
    private static readonly string[] s_served = ["hostdev.io/v1alpha1", "v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"];

    [Fact]
    public void Every_manifest_and_desired_file_is_understood_in_full()
    {
        Findings.AreNone(Pages.Manifests.SelectMany(m => Of(m.Page, m.Block)));
        Assert.InRange(Pages.Manifests.Count(), 40, 10_000);
    }

    /// <summary>All in one call: kubectl goes on after a refusal, and names the file of each.</summary>
    [Fact]
    public async Task Every_object_is_taken_by_an_API_server()
    {
        await using var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        using var kubectl = new KubectlTool(cluster.Kubeconfig);
        foreach (var ns in (string[])["vms", "monitoring"])
            await kubectl.RunAsync("create", "namespace", ns); // which the pages do not always say before they use it
        var directory = Directory.CreateTempSubdirectory("hostdev-manifests-").FullName;
        var sent = 0;
        foreach (var (page, block) in Pages.Manifests)
        foreach (
            var (resource, number) in Objects(block).Select((o, i) => (o, i)).Where(o => s_served.Contains((string?)o.o["apiVersion"]))
        )
        {
            await File.WriteAllTextAsync(
                Path.Combine(directory, $"{page.Replace('/', '+')}:{block.Line}:{number}.json"),
                resource.ToJsonString(),
                TestContext.Current.CancellationToken
            );
            sent++;
        }

        var answer = await kubectl.RunAsync("apply", "--dry-run=server", "-f", directory);
        var taken = answer.Output.Split('\n').Count(l => l.EndsWith("(server dry run)", StringComparison.Ordinal));
        var words = answer.Errors.Replace(directory + "/", "", StringComparison.Ordinal).Replace('+', '/');
        Assert.True(answer.Code == 0 && taken == sent, $"{taken} of {sent} were taken:\n{words}");
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("policies:\n- kind: HostDevice\n  name: x\n  spec: {nodeSelector: {}}\n", "page.md:4: HostDevice/x: ")]
    [InlineData(
        "apiVersion: hostdev.io/v1alpha1\nkind: HostDevice\nmetadata: {name: x}\nspec: {nodeSelektor: {}}\n",
        "page.md:4: spec.nodeSelektor"
    )]
    [InlineData("kind: VirtualMachine\n", "page.md:4: neither a desired file")]
    [InlineData("a: [\n", "page.md:4: ")]
    public void What_is_not_understood_is_found_with_its_line(string yaml, string words)
    {
        var block = MarkdownPage.Of("page.md", $"# A\n\n```yaml\n{yaml}```\n").Blocks.Single();
        Assert.StartsWith(words, Of("page.md", block).First(), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Of(string page, MarkdownBlock block)
    {
        foreach (var document in Documents(block.Text))
        {
            if (YamlJson.Parse(document, out var error) is not JsonObject resource)
                yield return $"{page}:{block.Line}: {error ?? "no object"}";
            else if (resource.ContainsKey("policies"))
                foreach (var words in OfDesiredFile(document, resource))
                    yield return $"{page}:{block.Line}: {words}";
            else if (resource["apiVersion"] is null || resource["kind"] is null)
                yield return $"{page}:{block.Line}: neither a desired file (policies) nor an object (apiVersion and kind): "
                    + "a part of one is no yaml block";
            else if (IsOurs(resource))
                foreach (var (path, message) in CrdFiles.Errors(resource, null))
                    yield return $"{page}:{block.Line}: {path}: {message}";
        }
    }

    /// <summary>What agents say of it, and, because its policies have the specs of objects, an API server.</summary>
    private static IEnumerable<string> OfDesiredFile(string text, JsonObject desired)
    {
        var spec = NodeDeviceStateReader.Read(text, out var error);
        if (spec is null)
            yield return error!;
        foreach (var frozen in spec?.Policies.OfType<DesiredPolicy.Frozen>() ?? [])
            yield return frozen.Message;
        foreach (var policy in desired["policies"]!.AsArray())
        {
            var kind = (string?)policy?["kind"] ?? "";
            if (!CrdFiles.PolicyKinds.Contains(kind))
            {
                yield return $"{kind}: no kind of a policy";
                continue;
            }

            var resource = new JsonObject
            {
                ["kind"] = kind,
                ["metadata"] = new JsonObject { ["name"] = "x" },
                ["spec"] = policy!["spec"]?.DeepClone(),
            };
            foreach (var (path, message) in CrdFiles.Errors(resource, null))
                yield return $"{kind}/{policy["name"]}: {path}: {message}";
        }
    }

    private static IEnumerable<JsonObject> Objects(MarkdownBlock block) =>
        Documents(block.Text).Select(d => YamlJson.Parse(d, out _)).OfType<JsonObject>();

    private static IEnumerable<string> Documents(string text) =>
        Separator().Split(text).Where(d => d.Split('\n').Any(l => l.Trim() is { Length: > 0 } said && said[0] != '#'));

    private static bool IsOurs(JsonObject resource) =>
        ((string)resource["apiVersion"]!).StartsWith("hostdev.io/", StringComparison.Ordinal)
        && CrdFiles.PolicyKinds.Append("NodeDeviceState").Contains((string)resource["kind"]!);

    [GeneratedRegex("^---$", RegexOptions.Multiline)]
    private static partial Regex Separator();
}
