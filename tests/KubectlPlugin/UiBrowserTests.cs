using System.Text.Json.Nodes;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>The page as people see it, in a real browser, and the plugin's own program behind it.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class UiBrowserTests
{
    private const string States = "nodedevicestates.hostdev.io";

    private const string Nodes = "[...document.querySelectorAll('#nodes > li')]";

    /// <summary>Sent as data, to be read as text.</summary>
    private const string Evil = "<script>window.evil = 1</script><img src=x onerror=\"window.evil = 1\">\"';&amp;";

    private const string Small = """
        names: [{ids: "10de:24b0", name: "RTX A4000"}]
        devices:
        - {id: "0000:11:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci, numaNode: 0, state: Offered as a.b/gpu, pci: {iommuGroup: 7}}
        - {id: "0000:11:00.1", class: pci, driver: pci-stub, state: "Held by 0000:11:00.0 (no reset)", pci: {iommuGroup: 7}}
        - {id: "0000:12:00.0", class: pci, ids: "10de:24b0", driver: nvidia, pci: {iommuGroup: 8}}
        allocations: []
        policies:
        - kind: HostDevice
          name: gpus
          uid: u
          generation: 1
          matched: 2
          ready: 1
          blocked: 1
          reason: Blocked
          message: 1 of 2 devices is blocked
          problems:
          - {device: "0000:12:00.0", state: Blocked, reason: GroupNotDeclared, message: "0000:12:00.1 is in its group: declare it"}
        resources: [{name: a.b/gpu, capacity: 1, allocatable: 1, registered: true}]
        conditions: [{type: Degraded, status: "True", reason: Blocked, message: 1 device is blocked}]
        """;

    [Fact]
    public async Task A_change_in_the_API_is_on_the_screen_and_a_page_that_was_cut_off_catches_up()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Small);
        bench.AddState("node-2", "{}");
        bench.AddPod("vms", "virt-launcher-a", vm: "alpha");
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        await using var browser = await UiBrowser.OpenAsync(ui.Address);
        Assert.Equal("", await browser.EvaluateAsync<string>("location.search")); // the token stands nowhere any more
        await browser.UntilAsync("document.querySelectorAll('#nodes .device').length === 3");
        Assert.Contains("1 free", await browser.TextAsync("#nodes .node .row"), StringComparison.Ordinal);
        Assert.Contains("0000:12:00.1 is in its group: declare it", await browser.TextAsync("#nodes"), StringComparison.Ordinal);
        Assert.Contains("node-1", await browser.TextAsync("#problems"), StringComparison.Ordinal);

        Allocate(bench, "virt-launcher-a");
        await browser.UntilAsync("document.querySelector('#nodes').innerText.includes('VM alpha')");
        Assert.Contains("1 allocated", await browser.TextAsync("#nodes .node .row"), StringComparison.Ordinal);

        // The program is away for the browser, as it is for one whose machine sleeps; its page asks for what it has missed.
        await browser.Page.SetOfflineModeAsync(true);
        bench.Cluster.Server.Objects.Delete(States, "node-2");
        Allocate(bench, null);
        await browser.Page.SetOfflineModeAsync(false);
        await browser.UntilAsync($"{Nodes}.length === 1 && !document.querySelector('#nodes').innerText.includes('VM alpha')", 60);
        browser.AssertQuiet();
    }

    [Fact]
    public async Task It_says_that_it_is_cut_off_and_when_the_program_has_ended()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Small);
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        await using var browser = await UiBrowser.OpenAsync(ui.Address);
        await bench.Cluster.Server.StopAsync();
        await browser.UntilAsync("document.querySelector('#notices').innerText.includes('the API server is away')");
        await bench.Cluster.Server.StartAsync(TestContext.Current.CancellationToken);
        await browser.UntilAsync("document.querySelector('#notices').innerText === ''");
        await ui.Program.TerminateAsync();
        await browser.UntilAsync("document.querySelector('#link').dataset.state !== 'live'");
        Assert.Contains("connection lost", await browser.TextAsync("#link"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_tree_is_walked_by_keys_and_searched()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Small);
        bench.AddState("node-2", "{devices: [{id: '0000:21:00.0', class: pci}]}");
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        await using var browser = await UiBrowser.OpenAsync(ui.Address);
        await browser.UntilAsync("document.querySelectorAll('#nodes .device').length === 4");
        await browser.Page.FocusAsync("#fold");
        Assert.Equal("node/node-1", await browser.PressAsync("Tab")); // one stop for all of the tree
        Assert.Equal("node/node-1\nIOMMU group 7", await browser.PressAsync("ArrowDown"));
        Assert.Equal("node/node-1\n0000:11:00.0", await browser.PressAsync("ArrowRight"));
        await browser.PressAsync("Enter");
        Assert.Contains("kubectl hostdev explain node-1 0000:11:00.0", await browser.TextAsync("#nodes"), StringComparison.Ordinal);
        Assert.Equal("node/node-1\n0000:11:00.0", await browser.PressAsync("ArrowLeft")); // closes it
        Assert.DoesNotContain("kubectl hostdev explain", await browser.TextAsync("#nodes"), StringComparison.Ordinal);
        Assert.Equal("node/node-1\nIOMMU group 7", await browser.PressAsync("ArrowLeft"));
        Assert.Equal("node/node-2\n0000:21:00.0", await browser.PressAsync("End"));
        Assert.Equal("node/node-1", await browser.PressAsync("Home"));
        Assert.Equal("node/node-2", await browser.PressAsync("n", "o", "d", "e", "-", "2"));
        await browser.PressAsync("ArrowLeft");
        Assert.Equal("false", await browser.EvaluateAsync<string>("document.activeElement.getAttribute('aria-expanded')"));
        // What has the focus keeps it when its node is not as it was.
        bench.Cluster.Server.Objects.Change(States, "node-2", s => s["status"]!["devices"] = new JsonArray(), subresource: "status");
        await browser.UntilAsync("!document.querySelector('[data-key=\"node/node-2\"]').hasAttribute('aria-expanded')");
        Assert.Equal("node/node-2", await browser.PressAsync());

        Assert.Equal("search", await browser.PressAsync("/"));
        await browser.Page.Keyboard.TypeAsync("0000:12");
        await browser.UntilAsync("document.querySelectorAll('#nodes .device').length === 1");
        Assert.Equal("1 of 2", await browser.TextAsync("#all .count"));
        Assert.Equal("node/node-1", await browser.PressAsync("ArrowDown"));
        await browser.PressAsync("/");
        foreach (var (asked, found) in new[] { ("groupnot", 1), ("a.b/gpu", 1), ("node-1", 3), ("nothing-of-that", 0) })
        {
            await browser.EvaluateAsync<object>(
                $"(() => {{ const s = document.querySelector('#search'); s.value = '{asked}'; s.dispatchEvent(new Event('input')); }})()"
            );
            await browser.UntilAsync(
                $"{Nodes}.length === {Math.Min(found, 1)} && document.querySelectorAll('#nodes .device').length === {found}"
            );
        }

        Assert.Equal("No node has anything of that.", await browser.TextAsync("#all > .none"));
        await browser.PressAsync("Escape");
        await browser.UntilAsync($"{Nodes}.length === 2");
        await browser.Page.ClickAsync(".chip[data-state=Blocked]");
        await browser.UntilAsync("document.querySelectorAll('#nodes .device').length === 1");
        await browser.Page.ClickAsync("#problems .link");
        await browser.UntilAsync("document.activeElement.dataset.key === 'node/node-1'");
        Assert.Equal("false", await browser.EvaluateAsync<string>("document.querySelector('.chip').getAttribute('aria-pressed')"));
        await browser.Page.ClickAsync("#theme");
        await browser.Page.ClickAsync("#theme");
        Assert.Equal("rgb(20, 23, 27)", await browser.EvaluateAsync<string>("getComputedStyle(document.documentElement).backgroundColor"));
        browser.AssertQuiet();
    }

    /// <summary>Whoever has a node's token writes what they like into its status.</summary>
    [Fact]
    public async Task Every_text_of_a_hostile_status_is_shown_as_text_and_takes_no_room_of_others()
    {
        await using var bench = await KubectlBench.StartAsync();
        // The CRD holds texts within bounds; a page that relied on it would be as safe as whoever may change the CRD is careful.
        bench.Cluster.Server.Objects.Change(
            "customresourcedefinitions.apiextensions.k8s.io",
            States,
            c =>
                c["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"] = ClusterBench
                    .Yaml("{type: object, x-kubernetes-preserve-unknown-fields: true}")
                    .DeepClone()
        );
        var longest = new string('W', 64 << 10);
        string[] texts = [Evil, "\u202e\u2066evil\u0007", longest, $"{Evil}{longest}"];
        for (var i = 0; i < texts.Length; i++)
        {
            var text = UiBrowser.Quoted(texts[i]);
            bench.AddState(
                $"node-{i}",
                $$"""
                names: [{ids: {{text}}, name: {{text}} }]
                devices:
                - {id: {{text}}, class: pci, ids: {{text}}, driver: {{text}}, state: {{text}}, pci: {iommuGroup: 1} }
                - {id: "0000:11:00.0", class: {{text}}, ids: {{text}}, driver: {{text}}, state: "Offered as x", pci: {iommuGroup: 1} }
                - {id: "0000:12:00.0", class: pci, state: "Not offered as a.b/c: x"}
                virtualFunctions: [{physicalFunction: "0000:11:00.0", total: 8, current: 4, ranges: [{{text}}]}]
                allocations: [{id: "0000:11:00.0", resource: {{text}}, namespace: {{text}}, pod: {{text}} }]
                policies:
                - {kind: {{text}}, name: {{text}}, uid: {{text}}, generation: 1, matched: 1, ready: 1, blocked: 1, reason: {{text}},
                   message: {{text}}, problems: [{device: "0000:12:00.0", state: Blocked, reason: {{text}}, message: {{text}} }] }
                releasing: [{device: {{text}}, state: {{text}}, reason: {{text}}, message: {{text}} }]
                resources: [{name: {{text}}, capacity: 1, allocatable: 1, registered: false, problem: {{text}} }]
                conditions: [{type: Degraded, status: "True", reason: {{text}}, message: {{text}} }]
                host: {kernel: {{text}}, architecture: {{text}}, bootId: {{text}}, iommu: true, interruptRemapping: {{text}},
                  kernelArguments: [{{text}}], vfioDrivers: [{{text}}], problems: [{{text}}]}
                """
            );
        }

        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        await using var browser = await UiBrowser.OpenAsync(ui.Address);
        await browser.UntilAsync($"{Nodes}.length === {texts.Length}");
        // Everything is opened, by each node's last item first.
        await browser.EvaluateAsync<object>(
            "document.querySelectorAll('#nodes .device[aria-expanded=false] > .row').forEach(r => r.click())"
        );
        await browser.UntilAsync("document.querySelectorAll('#nodes .device[aria-expanded=true]').length >= 1");
        Assert.Contains("<script>window.evil = 1</script>", await browser.TextAsync("#nodes"), StringComparison.Ordinal);
        Assert.Contains(@"\u202e\u2066evil\u0007", await browser.TextAsync("#nodes"), StringComparison.Ordinal);
        Assert.False(await browser.EvaluateAsync<bool>("'evil' in window"));
        Assert.Equal(1, await browser.EvaluateAsync<int>("document.scripts.length"));
        Assert.Equal(0, await browser.EvaluateAsync<int>("document.images.length"));
        Assert.Equal(
            0,
            await browser.EvaluateAsync<int>("[...document.querySelectorAll('#nodes .row')].filter(r => r.offsetHeight > 500).length")
        );
        await browser.PicturesAsync("hostile");
        browser.AssertQuiet();
    }

    [Fact]
    public async Task Three_hundred_nodes_are_shown_changed_and_searched_without_a_stutter()
    {
        const int nodes = 300;
        await using var bench = await KubectlBench.StartAsync();
        for (var i = 0; i < nodes; i++)
            bench.AddState($"node-{i:D3}", Small.Replace("node-1", $"node-{i:D3}", StringComparison.Ordinal));
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        await using var browser = await UiBrowser.OpenAsync(ui.Address);
        await browser.UntilAsync($"{Nodes}.length === {nodes}");
        await browser.PicturesAsync("many");
        await browser.LookAsync(isDark: false, isNarrow: false);
        await browser.EvaluateAsync<object>(
            "(() => { window.slow = []; new PerformanceObserver(l => window.slow.push(...l.getEntries().map(e => e.duration)))"
                + ".observe({ type: 'longtask' }); })()"
        );
        for (var i = 0; i < 50; i++)
            Allocate(bench, "p", $"node-{i * 5:D3}");
        await browser.UntilAsync("document.querySelector('.chip[data-state=Allocated] b').innerText === '50'");
        await browser.EvaluateAsync<object>(
            "(() => { const s = document.querySelector('#search'); s.value = '0000:12'; s.dispatchEvent(new Event('input')); })()"
        );
        await browser.UntilAsync("document.querySelectorAll('#nodes .device').length > 0");
        // A machine that runs many tests at once is slow; docs/performance.md has how long a change takes.
        var slowest = await browser.EvaluateAsync<double>("Math.max(0, ...window.slow)");
        Assert.True(slowest < 1000, $"the page was busy for {slowest} ms at once");
        browser.AssertQuiet();
    }

    private static void Allocate(KubectlBench bench, string? pod, string node = "node-1") =>
        bench.Cluster.Server.Objects.Change(
            States,
            node,
            s =>
                s["status"]!["allocations"] = pod is null
                    ? new JsonArray()
                    : new JsonArray(
                        ClusterBench.Yaml($"{{id: '0000:11:00.0', resource: a.b/gpu, namespace: vms, pod: {pod}}}").DeepClone()
                    ),
            subresource: "status"
        );
}
