using System.Text.Json.Nodes;
using Hostdev.Tests.Demo;
using Hostdev.Tests.Sandbox.ApiServer;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Reads pages in the demo's cluster, with real kubectl, helm and the plugin on the PATH, and holds that each gives back what it took.
/// </summary>
internal sealed class PlaygroundReader : IDisposable
{
    private readonly RunningDemo _demo;
    private readonly PageReader _reader;
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("hostdev-reader-home-");

    /// <param name="environment">What a page lets its reader set, such as REGISTRY.</param>
    public PlaygroundReader(RunningDemo demo, params IEnumerable<(string Name, string Value)> environment)
    {
        _demo = demo;
        _reader = new PageReader([
            ("PATH", $"{KubeTool.Directory(KubeTool.Newest)}:{demo.PluginDirectory}:{Environment.GetEnvironmentVariable("PATH")}"),
            ("KUBECONFIG", demo.Kubeconfig),
            ("HOME", _home.FullName),
            .. environment,
        ]);
    }

    public async Task ReadAsync(MarkdownPage page)
    {
        var before = await SightAsync();
        await _reader.ReadAsync(page, "cluster");
        var after = "";
        await Waiting.UntilAsync(
            async () => (after = await SightAsync()) == before,
            60,
            () => Task.FromResult($"{page.Name} does not give everything back. Before it:\n{before}\nafter it:\n{after}")
        );
    }

    public void Dispose()
    {
        _reader.Dispose();
        _home.Delete(recursive: true);
    }

    /// <summary>Policies, Pods that were given something, Nodes and their devices: what a page must leave as it found it.</summary>
    private async Task<string> SightAsync()
    {
        var lines = new List<string>();
        foreach (var name in await ItemsAsync("hostdevices,sriovpolicies,mdevprofiles,namespaces", _ => ""))
            lines.Add(name);
        lines.AddRange(await ItemsAsync("pods", p => "", p => (string?)p["metadata"]!["namespace"] != Helm.Namespace));
        lines.AddRange(
            await ItemsAsync("nodes", n => $"{Labels(n)} {n["spec"]?["taints"]?.ToJsonString()} {n["spec"]?["unschedulable"]} {Offered(n)}")
        );
        lines.AddRange(
            await ItemsAsync(
                "nodedevicestates",
                s =>
                    string.Join(
                        ' ',
                        (
                            (JsonNode?[])
                                [
                                    s["spec"]?["policies"],
                                    s["spec"]?["cordons"],
                                    s["status"]?["allocations"],
                                    s["status"]?["releasing"],
                                    s["status"]?["devices"],
                                ]
                        ).Select(p => p is null or JsonArray { Count: 0 } ? "-" : p.ToJsonString())
                    )
            )
        );
        return string.Join('\n', lines);
    }

    private async Task<IEnumerable<string>> ItemsAsync(string kinds, Func<JsonNode, string> say, Func<JsonNode, bool>? where = null)
    {
        var list = JsonNode.Parse(await _demo.KubectlAsync("get", kinds, "-A", "-o", "json"))!["items"]!.AsArray();
        return list.Select(i => i!).Where(i => where?.Invoke(i) ?? true).Select(i => $"{i["kind"]}/{i["metadata"]!["name"]} {say(i)}");
    }

    private static string Labels(JsonNode node) =>
        string.Join(
            ',',
            node["metadata"]!
                ["labels"]
                ?.AsObject()
                .Where(l => !l.Key.StartsWith("hostdev.io/", StringComparison.Ordinal))
                .Select(l => $"{l.Key}={l.Value}")
                ?? []
        );

    /// <summary>Of extended resources; one that is no more is told as 0 by a kubelet.</summary>
    private static string Offered(JsonNode node) =>
        string.Join(
            ',',
            node["status"]
                ?["allocatable"]?.AsObject()
                .Where(r => r.Key.Contains('/', StringComparison.Ordinal) && (string?)r.Value != "0")
                .Select(r => $"{r.Key}={r.Value}")
                ?? []
        );
}
