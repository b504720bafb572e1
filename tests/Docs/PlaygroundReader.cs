using System.Text.Json.Nodes;
using Hostdev.Tests.Crds;
using Hostdev.Tests.Demo;
using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Shipped;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Reads pages in the demo's cluster, with real kubectl, helm, the plugin and the operator's program on the PATH, and holds that each gives
/// back what it took.
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
        var programs = _home.CreateSubdirectory("bin").FullName;
        File.CreateSymbolicLink(Path.Combine(programs, "hostdev-operator"), Path.GetFullPath(ShippedPrograms.Operator));
        string[] path = [KubeTool.Directory(KubeTool.Newest), demo.PluginDirectory, programs];
        _reader = new PageReader([
            ("PATH", $"{string.Join(':', path)}:{Environment.GetEnvironmentVariable("PATH")}"),
            ("KUBECONFIG", demo.Kubeconfig),
            ("HOME", _home.FullName),
            .. environment,
        ]);
    }

    public async Task ReadAsync(MarkdownPage page)
    {
        var before = await SightAsync();
        await _reader.ReadAsync(page, "cluster");
        // Of a kind that the page deleted there is nothing to be given back.
        var gone = (await AbsentAsync()).Select(k => k + "/").ToList();
        var kept = before.Where(l => !gone.Any(k => l.StartsWith(k, StringComparison.Ordinal))).ToList();
        List<string> after = [];
        await Waiting.UntilAsync(async () => (after = await SightAsync()).SequenceEqual(kept), 60, () => Task.FromResult(Words()));

        string Words() =>
            $"{page.Name} does not give everything back. Before it:\n{string.Join('\n', kept)}\nafter it:\n{string.Join('\n', after)}";
    }

    public void Dispose()
    {
        _reader.Dispose();
        _home.Delete(recursive: true);
    }

    /// <summary>Policies, Pods that were given something, Nodes and their devices: what a page must leave as it found it.</summary>
    private async Task<List<string>> SightAsync()
    {
        var absent = await AbsentAsync();
        var lines = new List<string>();
        foreach (var kind in ((string[])["HostDevice", "SriovPolicy", "MdevProfile", "Namespace"]).Except(absent))
            lines.AddRange(await ItemsAsync(kind, _ => ""));
        lines.AddRange(await ItemsAsync("pods", p => "", p => (string?)p["metadata"]!["namespace"] != Helm.Namespace));
        lines.AddRange(
            await ItemsAsync("nodes", n => $"{Labels(n)} {n["spec"]?["taints"]?.ToJsonString()} {n["spec"]?["unschedulable"]} {Offered(n)}")
        );
        if (absent.Contains("NodeDeviceState"))
            return lines;
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
        return lines;
    }

    /// <summary>Our kinds whose CRD is not there.</summary>
    private async Task<IReadOnlyList<string>> AbsentAsync()
    {
        var served = await _demo.KubectlAsync("get", "crd", "-o", "jsonpath={.items[*].spec.names.kind}");
        return [.. CrdFiles.Plurals.Select(p => CrdFiles.OfPlural(p).Kind).Except(served.Split(' '))];
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
