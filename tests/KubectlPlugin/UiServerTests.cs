using System.Net;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary><c>kubectl hostdev ui</c> as whoever talks to its port meets it: whom it lets in, and what it tells.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class UiServerTests
{
    private const string States = "nodedevicestates.hostdev.io";
    private const string Status = "{devices: [{id: '0000:11:00.0', class: pci, state: Offered as a.b/c, pci: {iommuGroup: 3}}]}";

    [Fact]
    public async Task Its_token_lets_one_browser_in_once_and_the_cookie_stays_with_that_browser()
    {
        await using var bench = await KubectlBench.StartAsync();
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        using var http = new Visitor(ui.Address);
        Assert.Equal(
            (HttpStatusCode.Forbidden, "open the address that kubectl hostdev ui printed: its token lets one browser in\n"),
            await http.AskAsync("/")
        );
        foreach (var part in (string[])["/events", "/app.js", "/nothing"])
            Assert.Equal(HttpStatusCode.Forbidden, (await http.AskAsync(part)).Status);
        Assert.Equal(
            (HttpStatusCode.Forbidden, "the token is not the one of this page: each kubectl hostdev ui prints its own address\n"),
            await http.AskAsync("/?token=" + new string('0', 64))
        );
        // Whoever looks ahead, as some messengers do with links, takes nothing away.
        Assert.Equal(HttpStatusCode.Forbidden, (await http.AskAsync(ui.Address.PathAndQuery, method: "HEAD")).Status);

        var (status, page) = await http.AskAsync(ui.Address.PathAndQuery);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("<title>Hostdev</title>", page, StringComparison.Ordinal);
        Assert.Matches($"^hostdev-ui-{ui.Address.Port}=[0-9a-f]{{64}}; Path=/; HttpOnly; SameSite=Strict$", http.SetCookie);
        var session = http.SetCookie!.Split(';')[0];
        Assert.Equal(
            (
                HttpStatusCode.Forbidden,
                "the token was used already, and is good once: end kubectl hostdev ui and start it again for another one\n"
            ),
            await http.AskAsync(ui.Address.PathAndQuery)
        );

        Assert.Equal(HttpStatusCode.OK, (await http.AskAsync("/", cookie: session)).Status);
        Assert.Equal(HttpStatusCode.OK, (await http.AskAsync(ui.Address.PathAndQuery, cookie: session)).Status); // it is loaded again
        Assert.Equal(HttpStatusCode.OK, (await http.AskAsync("/app.js", cookie: session)).Status);
        Assert.Equal((HttpStatusCode.NotFound, "there is no such part\n"), await http.AskAsync("/../kubeconfig", cookie: session));
        Assert.Equal(HttpStatusCode.Forbidden, (await http.AskAsync("/", cookie: session[..^1] + "x")).Status);
    }

    [Fact]
    public async Task Other_names_other_pages_and_writing_are_refused_whatever_cookie_they_bring()
    {
        await using var bench = await KubectlBench.StartAsync();
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        using var http = new Visitor(ui.Address);
        await http.AskAsync(ui.Address.PathAndQuery);
        var (session, port) = (http.SetCookie!.Split(';')[0], ui.Address.Port);
        foreach (var host in (string[])["127.0.0.1", "localhost", "[::1]"])
            Assert.Equal(HttpStatusCode.OK, (await http.AskAsync("/", cookie: session, host: $"{host}:{port}")).Status);
        // A name of somebody else's that leads to this machine (DNS rebinding).
        string[] strangers = [$"evil.example:{port}", "127.0.0.1", $"127.0.0.1:{port + 1}", $"127.0.0.1.evil.example:{port}"];
        foreach (var host in strangers)
        {
            var (status, words) = await http.AskAsync("/", cookie: session, host: host);
            Assert.Equal(HttpStatusCode.MisdirectedRequest, status);
            Assert.Equal(
                $"this page is at 127.0.0.1:{port}, and at no other name: open the address that kubectl hostdev ui printed\n",
                words
            );
        }

        foreach (var origin in (string[])["http://evil.example", "null", $"https://127.0.0.1:{port}", $"http://127.0.0.1:{port + 1}"])
            Assert.Equal(HttpStatusCode.Forbidden, (await http.AskAsync("/", cookie: session, header: ("Origin", origin))).Status);
        Assert.Equal(HttpStatusCode.OK, (await http.AskAsync("/", cookie: session, header: ("Origin", $"http://127.0.0.1:{port}"))).Status);
        foreach (var site in (string[])["cross-site", "same-site"])
        {
            Assert.Equal(
                (HttpStatusCode.Forbidden, "another page asked for a part of this one, and may not have it\n"),
                await http.AskAsync("/app.js", cookie: session, header: ("Sec-Fetch-Site", site))
            );
        }

        foreach (var method in (string[])["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        {
            Assert.Equal(
                (HttpStatusCode.MethodNotAllowed, "this page is read-only: GET and HEAD are all there is\n"),
                await http.AskAsync("/", cookie: session, method: method)
            );
        }
    }

    [Fact]
    public async Task Every_answer_forbids_scripts_and_parts_from_elsewhere_frames_and_keeping()
    {
        await using var bench = await KubectlBench.StartAsync();
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        using var http = new Visitor(ui.Address);
        foreach (var path in (string[])["/", ui.Address.PathAndQuery])
        {
            await http.AskAsync(path);
            Assert.Equal("no-store", http.Header("Cache-Control"));
            Assert.Equal("nosniff", http.Header("X-Content-Type-Options"));
            Assert.Equal("no-referrer", http.Header("Referrer-Policy"));
            Assert.StartsWith(
                "default-src 'none'; script-src 'self'; style-src 'self';",
                http.Header("Content-Security-Policy"),
                StringComparison.Ordinal
            );
            Assert.DoesNotContain("unsafe", http.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", http.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Null(http.Header("Server"));
        }
    }

    [Fact]
    public async Task Who_was_away_is_told_what_changed_meanwhile_and_nothing_else()
    {
        await using var bench = await KubectlBench.StartAsync();
        foreach (var node in (string[])["node-1", "node-2", "node-3"])
            bench.AddState(node, Status);
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        using var http = new Visitor(ui.Address);
        await http.AskAsync(ui.Address.PathAndQuery);
        var session = http.SetCookie!.Split(';')[0];
        var (all, entries, revision) = await http.HearAsync(session, null, e => e.Count >= 4);
        Assert.True(all);
        Assert.Equal(["about", "node/node-1", "node/node-2", "node/node-3"], entries.Select(e => e.Key).Order(StringComparer.Ordinal));

        bench.Cluster.Server.Objects.Change(States, "node-2", s => s["status"]!["devices"]![0]!["state"] = null, subresource: "status");
        bench.Cluster.Server.Objects.Delete(States, "node-3");
        (all, entries, _) = await http.HearAsync(session, revision, e => e.Count >= 2);
        Assert.False(all);
        Assert.Equal(["node/node-2", "node/node-3"], entries.Select(e => e.Key).Order(StringComparer.Ordinal));
        Assert.Equal("Host", (string?)entries["node/node-2"]!["branches"]![0]!["children"]![0]!["device"]!["state"]);
        Assert.Null(entries["node/node-3"]);

        // A change of what nobody is shown is none.
        bench.Cluster.Server.Objects.Change(States, "node-1", s => s["status"]!["host"]!["bootId"] = "c", subresource: "status");
        bench.Cluster.Server.Objects.Change(States, "node-2", s => s["status"]!["devices"]![0]!["driver"] = "x", subresource: "status");
        (_, entries, _) = await http.HearAsync(
            session,
            revision,
            e => e["node/node-2"]!.ToJsonString().Contains("\"x\"", StringComparison.Ordinal)
        );
        Assert.Equal(["node/node-2", "node/node-3"], entries.Select(e => e.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_its_user_may_not_read_is_said_with_the_role_that_gives_it_and_the_rest_is_shown()
    {
        await using var bench = await KubectlBench.StartAsync(rbac: true);
        bench.AddState("node-1", Status);
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: states}, "
                    + "rules: [{apiGroups: [hostdev.io], resources: [nodedevicestates], verbs: [get, list, watch]}]}"
            )
        );
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: eve}, "
                    + "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: states}, "
                    + "subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: eve}]}"
            )
        );
        await using var ui = await UiProgram.StartAsync(bench.Kubeconfig("eve"));
        using var http = new Visitor(ui.Address);
        await http.AskAsync(ui.Address.PathAndQuery);
        var (_, entries, _) = await http.HearAsync(
            http.SetCookie!.Split(';')[0],
            null,
            e => e.Count(n => n.Key.StartsWith("notice/", StringComparison.Ordinal)) >= 5
        );
        Assert.Contains("node/node-1", entries.Keys);
        var policies = (string?)entries["notice/HostDevice"]!["sentence"];
        Assert.StartsWith("HostDevice are not shown: ", policies, StringComparison.Ordinal);
        Assert.EndsWith("ask for the ClusterRole hostdev-view, by a ClusterRoleBinding", policies, StringComparison.Ordinal);
        Assert.EndsWith(
            "ask for the cluster's own ClusterRole view",
            (string?)entries["notice/VMs"]!["sentence"],
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_port_that_is_taken_and_a_cluster_without_Hostdev_are_sentences()
    {
        await using var bench = await KubectlBench.StartAsync();
        await using var ui = await UiProgram.StartAsync(bench.Cluster.Kubeconfig);
        var taken = await bench.RunAsync("ui", "--no-open", "--port", $"{ui.Address.Port}");
        Assert.Equal(1, taken.ExitCode);
        Assert.Contains(
            $"port {ui.Address.Port} of 127.0.0.1 is taken: name another one with --port",
            taken.Error,
            StringComparison.Ordinal
        );
        var wrong = await bench.RunAsync("ui", "--port", "70000");
        Assert.Contains("--port is 70000: write 0 to 65535", wrong.Error, StringComparison.Ordinal);
        Assert.InRange((await ui.Program.TerminateAsync()).Took, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }
}
