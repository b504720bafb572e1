using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;
using PuppeteerSharp;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>ui</c>: the page of <c>kubectl hostdev ui</c> in a real browser over many nodes, beside the same page over none; and a change's way
/// from the API to the screen, beside the way of the same change to a bare watch.
/// </summary>
internal sealed partial class PageBenchmark(int nodes, int rounds, string program, string browser)
{
    private const string States = "nodedevicestates.hostdev.io";
    private const int DevicesPerNode = 12;

    public static Command Command()
    {
        var nodes = new Option<int>("--nodes") { Description = "How many nodes.", DefaultValueFactory = _ => 300 };
        var rounds = new Option<int>("--rounds") { Description = "How often each is measured.", DefaultValueFactory = _ => 5 };
        var program = new Option<string>("--program") { Description = "kubectl-hostdev.", Required = true };
        var browser = new Option<string>("--browser") { Description = "Chromium.", Required = true };
        var command = new Command("ui", "The page over many nodes: its first paint, and a change's way to the screen.")
        {
            nodes,
            rounds,
            program,
            browser,
        };
        command.SetAction(
            (parsed, cancellationToken) =>
                new PageBenchmark(
                    parsed.GetValue(nodes),
                    parsed.GetValue(rounds),
                    parsed.GetValue(program)!,
                    parsed.GetValue(browser)!
                ).RunAsync(cancellationToken)
        );
        return command;
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var browsing = await Puppeteer.LaunchAsync(
            new LaunchOptions
            {
                ExecutablePath = browser,
                Headless = true,
                Args = Environment.IsPrivilegedProcess ? ["--no-sandbox", "--disable-gpu"] : ["--disable-gpu"],
            }
        );
        var (none, many) = (SandboxDirectory.Create(), SandboxDirectory.Create());
        await using var empty = await SandboxCluster.StartAsync(none, new ApiServerOptions(), cancellationToken: cancellationToken);
        await using var full = await SandboxCluster.StartAsync(many, new ApiServerOptions(), cancellationToken: cancellationToken);
        for (var i = 0; i < nodes; i++)
            Add(full.Server, Name(i));
        Report.Title($"kubectl hostdev ui, {nodes} nodes with {DevicesPerNode} devices each; medians of {rounds}");
        var (paints, alls, emptyPaints, emptyAlls) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            Report.Progress($"first paint, {round} of {rounds}");
            var (emptyPaint, emptyAll) = await LoadAsync(browsing, empty.Kubeconfig, 0);
            var (paint, all) = await LoadAsync(browsing, full.Kubeconfig, nodes);
            if (round == 0)
                continue; // caches of files and of the browser
            emptyPaints.Add(emptyPaint);
            emptyAlls.Add(emptyAll);
            paints.Add(paint);
            alls.Add(all);
        }

        var (screens, watches) = await FollowAsync(browsing, full, cancellationToken);
        Report.Table(
            ["what", $"{nodes} nodes, ms", "reference, ms", "ratio"],
            [
                Row("first paint, beside no nodes", paints, emptyPaints),
                Row("everything is there, beside no nodes", alls, emptyAlls),
                Row("a change's way to the screen, beside a bare watch", screens, watches),
            ]
        );
        Directory.Delete(none, recursive: true);
        Directory.Delete(many, recursive: true);
    }

    private static string[] Row(string what, List<double> values, List<double> reference) =>
        [
            what,
            Sample.Of(values).Text("F0"),
            Sample.Of(reference).Text("F0"),
            Report.Ratio(Sample.Of(values).Median / Sample.Of(reference).Median),
        ];

    /// <returns>Milliseconds since the browser was sent there: until something is painted, and until all nodes are.</returns>
    private async Task<(double Paint, double All)> LoadAsync(IBrowser browsing, string kubeconfig, int expected)
    {
        using var process = Start(kubeconfig, out var address);
        await using var page = await browsing.NewPageAsync();
        await page.GoToAsync(address, WaitUntilNavigation.DOMContentLoaded);
        await page.WaitForExpressionAsync(
            $"document.querySelector('#link').dataset.state === 'live' && document.querySelectorAll('#nodes > li').length === {expected}"
                + " && (window.shownAt ??= performance.now())"
        );
        var all = await page.EvaluateExpressionAsync<double>("window.shownAt");
        await page.WaitForExpressionAsync("performance.getEntriesByName('first-contentful-paint').length > 0");
        var paint = await page.EvaluateExpressionAsync<double>("performance.getEntriesByName('first-contentful-paint')[0].startTime");
        process.Kill();
        await process.WaitForExitAsync();
        return (paint, all);
    }

    /// <returns>Milliseconds from before the write to the screen, and to a watch of the same objects.</returns>
    private async Task<(List<double> Screens, List<double> Watches)> FollowAsync(
        IBrowser browsing,
        SandboxCluster cluster,
        CancellationToken cancellationToken
    )
    {
        using var process = Start(cluster.Kubeconfig, out var address);
        await using var page = await browsing.NewPageAsync();
        await page.GoToAsync(address, WaitUntilNavigation.DOMContentLoaded);
        await page.WaitForExpressionAsync($"document.querySelectorAll('#nodes > li').length === {nodes}");
        // When something is drawn, by the clock that both have.
        await page.EvaluateExpressionAsync(
            "new MutationObserver(() => requestAnimationFrame(() => { window.drawn = Date.now(); })).observe("
                + "document.querySelector('#nodes'), {childList: true, subtree: true, characterData: true})"
        );
        using var client = new KubeClient(
            KubeConfiguration.FromKubeconfig(cluster.Kubeconfig, null, TimeProvider.System),
            "hostdev-bench/0",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance
        );
        var (screens, watches) = (new List<double>(), new List<double>());
        for (var round = 0; round < 4 * rounds; round++)
        {
            await Task.Delay(500, cancellationToken); // at rest
            var listed = await client.ListAsync(Crds.Kinds.HostdevKinds.NodeDeviceStates, Selection.Everything, cancellationToken);
            var heard = new TaskCompletionSource<double>();
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var opened = new TaskCompletionSource();
            var watch = HearAsync(client, listed.ResourceVersion, opened, heard, ended.Token);
            await opened.Task;
            await page.EvaluateExpressionAsync("window.drawn = 0");
            var began = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            var isFree = round % 2 == 0;
            Change(cluster.Server, Name(round * 7 % nodes), s => s["devices"]![0]!["state"] = isFree ? "Offered as a.b/c" : "Held by x");
            Report.Progress($"a change, {round + 1} of {4 * rounds}");
            await page.WaitForExpressionAsync("window.drawn > 0");
            screens.Add(Math.Max(1, await page.EvaluateExpressionAsync<long>("window.drawn") - began));
            watches.Add(Math.Max(1, await heard.Task - began));
            await ended.CancelAsync();
            await watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        process.Kill();
        await process.WaitForExitAsync(cancellationToken);
        return (screens, watches);
    }

    private static async Task HearAsync(
        KubeClient client,
        string version,
        TaskCompletionSource opened,
        TaskCompletionSource<double> heard,
        CancellationToken cancellationToken
    )
    {
        var kind = Crds.Kinds.HostdevKinds.NodeDeviceStates;
        var events = client.WatchAsync(
            kind,
            Selection.Everything,
            version,
            TimeSpan.FromMinutes(1),
            () => opened.TrySetResult(),
            cancellationToken
        );
        await foreach (var _ in events)
            heard.TrySetResult(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    private Process Start(string kubeconfig, out string address)
    {
        var start = new ProcessStartInfo(program, ["ui", "--no-open", "--kubeconfig", kubeconfig])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        address = Printed().Match(process.StandardOutput.ReadLine() ?? "").Value;
        return address.Length > 0
            ? process
            : throw new InvalidOperationException($"{program} printed no address: is it a kubectl-hostdev that has ui?");
    }

    private static string Name(int number) => $"node-{number:D4}";

    private static void Add(SimulatedApiServer server, string node)
    {
        server.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "hostdev.io/v1alpha1",
                ["kind"] = "NodeDeviceState",
                ["metadata"] = new JsonObject { ["name"] = node },
                ["spec"] = new JsonObject { ["policies"] = new JsonArray() },
            }
        );
        var devices = Enumerable
            .Range(0, DevicesPerNode)
            .Select(i =>
                (JsonNode)
                    new JsonObject
                    {
                        ["id"] = $"0000:{i + 16:x2}:00.0",
                        ["class"] = "pci",
                        ["ids"] = "10de:24b0",
                        ["driver"] = "vfio-pci",
                        ["pci"] = new JsonObject { ["iommuGroup"] = i },
                    }
            );
        Change(server, node, s => s["devices"] = new JsonArray([.. devices]));
    }

    private static void Change(SimulatedApiServer server, string node, Action<JsonNode> change) =>
        server.Objects.Change(
            States,
            node,
            s =>
            {
                s["status"] ??= JsonNode.Parse(
                    """
                    {"host":{"kernel":"6.12","architecture":"x86_64","bootId":"b","iommu":true,"interruptRemapping":"Yes",
                    "kernelArguments":[],"vfioDrivers":[],"problems":[]},"devices":[],"virtualFunctions":[],
                    "allocations":[],"policies":[],"releasing":[],"resources":[],"conditions":[]}
                    """
                );
                change(s["status"]!);
            },
            subresource: "status"
        );

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+/\?token=[0-9a-f]{64}")]
    private static partial Regex Printed();
}
