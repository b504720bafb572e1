using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Faults;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>Who may what, and what goes wrong on purpose.</summary>
public sealed class FaultsAndAccessTests() : WidgetTests(new ApiServerOptions { Rbac = true })
{
    [Fact]
    public async Task Whoever_shows_no_known_token_is_nobody()
    {
        using var stranger = new Peer(Server, "");
        Assert.Equal(
            ("Unauthorized", "Unauthorized"),
            ((await stranger.GetAsync("/api/v1/nodes")).Is(401).Reason, (await stranger.GetAsync("/api/v1/nodes")).Message)
        );
        var token = Server.AddUser(ApiUser.ServiceAccount("a", "b"));
        using var known = new Peer(Server, token);
        (await known.GetAsync("/version")).Is(200);
        Server.RevokeToken(token);
        (await known.GetAsync("/version")).Is(401);
    }

    [Fact]
    public async Task A_client_certificate_names_user_and_groups()
    {
        var (certificate, key) = Server.IssueCertificate(new ApiUser("jane", ["team", ApiUser.Masters]));
        using var pem = X509Certificate2.CreateFromPem(certificate, key);
        using var loaded = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        using var client = Server.CreateClient("", loaded);
        Assert.Contains("\"NodeList\"", await client.GetStringAsync("/api/v1/nodes"), StringComparison.Ordinal);
        Assert.Equal("jane", Server.Requests.All[^1].User);
    }

    [Fact]
    public async Task A_rule_allows_what_it_names_and_nothing_else()
    {
        Allow(
            "operator",
            """[{"apiGroups":["example.io"],"resources":["widgets"],"verbs":["get","list","watch"]},"""
                + """{"apiGroups":["example.io"],"resources":["widgets/status"],"resourceNames":["w1"],"verbs":"""
                + """["patch"]}]"""
        );
        using var user = new Peer(Server, Server.AddUser(ApiUser.ServiceAccount("hostdev-system", "operator")));
        Server.Objects.Create(Peer.Widget("w1"));
        Server.Objects.Create(Peer.Widget("w2"));
        (await user.GetAsync(Peer.Widgets)).Is(200);
        (await user.MergeAsync(Peer.Widgets + "/w1/status", """{"status":{"note":"n"}}""")).Is(200);
        Assert.Equal(
            "nodes is forbidden: User \"system:serviceaccount:hostdev-system:operator\" cannot list resource "
                + "\"nodes\" in API group \"\" at the cluster scope",
            (await user.GetAsync("/api/v1/nodes")).Is(403).Message
        );
        Assert.Equal(
            "widgets.example.io \"w2\" is forbidden: User \"system:serviceaccount:hostdev-system:operator\" cannot "
                + "patch resource \"widgets/status\" in API group \"example.io\" at the cluster scope",
            (await user.MergeAsync(Peer.Widgets + "/w2/status", "{}")).Is(403).Message
        );
        Assert.Equal(
            "pods is forbidden: User \"system:serviceaccount:hostdev-system:operator\" cannot create resource "
                + "\"pods\" in API group \"\" in the namespace \"default\"",
            (await user.CreateAsync("/api/v1/namespaces/default/pods", new JsonObject())).Is(403).Message
        );
        Assert.Equal([403, 403, 403], Server.Requests.All.Where(r => r.Code == 403).Select(r => r.Code));
    }

    [Fact]
    public async Task An_apply_that_makes_an_object_needs_the_right_to_create_it()
    {
        Allow("operator", """[{"apiGroups":["example.io"],"resources":["widgets"],"verbs":["patch"]}]""");
        using var user = new Peer(Server, Server.AddUser(ApiUser.ServiceAccount("hostdev-system", "operator")));
        Assert.Contains(
            "cannot create resource \"widgets\"",
            (await user.ApplyAsync(Peer.Widgets + "/w1", Peer.Widget("w1"), "operator")).Is(403).Message,
            StringComparison.Ordinal
        );
        Server.Objects.Create(Peer.Widget("w1"));
        (await user.ApplyAsync(Peer.Widgets + "/w1", Peer.Widget("w1"), "operator")).Is(200);
    }

    [Fact]
    public async Task Refusals_meet_the_requests_that_a_rule_names_and_so_many_of_them()
    {
        Server.Faults.Add(
            new FaultRule(new ApiFault.Refuse(429, RetryAfterSeconds: 3))
            {
                Verb = "create",
                Resource = "widgets",
                Skip = 1,
                Times = 1,
            }
        );
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(201);
        var refused = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w2"))).Is(429);
        Assert.Equal(
            ("TooManyRequests", "3", TimeSpan.FromSeconds(3)),
            (refused.Reason, refused.Text("details", "retryAfterSeconds"), refused.Headers.RetryAfter!.Delta)
        );
        Assert.Null(Server.Objects.Get("widgets.example.io", "w2"));
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w2"))).Is(201);
        Assert.Equal(1, Server.Faults.Met);
    }

    [Fact]
    public async Task A_cut_answer_leaves_the_write_made_and_a_cut_before_leaves_nothing()
    {
        Server.Faults.Add(new FaultRule(new ApiFault.CutAnswer(0.5)) { Verb = "create", Times = 1 });
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Client.CreateAsync(Peer.Widgets, Peer.Widget("w1")));
        Assert.NotNull(Server.Objects.Get("widgets.example.io", "w1"));
        Server.Faults.Add(new FaultRule(new ApiFault.CutBefore()) { Verb = "create", Times = 1 });
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Client.CreateAsync(Peer.Widgets, Peer.Widget("w2")));
        Assert.Null(Server.Objects.Get("widgets.example.io", "w2"));
        Assert.Equal([201, 0], Server.Requests.All.Where(r => r.Verb == "create").Select(r => r.Code));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_watch_breaks_where_the_fault_says(bool midLine)
    {
        Server.Faults.Add(new FaultRule(new ApiFault.CutWatch(1, midLine)) { Times = 1 });
        using var watch = await Client.WatchAsync(Peer.Widgets);
        Server.Objects.Create(Peer.Widget("w1"));
        Assert.Equal(["ADDED w1"], await watch.TakeAsync(1));
        Server.Objects.Create(Peer.Widget("w2"));
        await Assert.ThrowsAnyAsync<IOException>(watch.NextAsync);
    }

    [Fact]
    public async Task A_server_that_went_away_comes_back_at_the_same_address_with_what_it_stored()
    {
        Server.Objects.Create(Peer.Widget("w1"));
        using var watch = await Client.WatchAsync(Peer.Widgets);
        Assert.Equal(["ADDED w1"], await watch.TakeAsync(1));
        await Server.StopAsync();
        await Assert.ThrowsAnyAsync<Exception>(watch.NextAsync);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Client.GetAsync(Peer.Widgets));
        await Server.StartAsync();
        (await Client.GetAsync(Peer.Widgets + "/w1")).Is(200);
        using var again = await Client.WatchAsync(Peer.Widgets);
        Assert.Equal(["ADDED w1"], await again.TakeAsync(1));
        Server.CutConnections();
        await Assert.ThrowsAnyAsync<IOException>(again.NextAsync);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_faults()
    {
        async Task<string> RunAsync(int seed)
        {
            Server.Faults.Clear();
            Server.Faults.Seed(seed);
            Server.Faults.Add(new FaultRule(new ApiFault.Refuse(503)) { Resource = "widgets", Probability = 0.5 });
            var codes = new List<int>();
            for (var i = 0; i < 20; i++)
                codes.Add((await Client.GetAsync(Peer.Widgets)).Code);
            return string.Join(' ', codes);
        }

        var first = await RunAsync(1);
        Assert.Equal(first, await RunAsync(1));
        Assert.NotEqual(first, await RunAsync(2));
        Assert.Contains("503", first, StringComparison.Ordinal);
        Assert.Contains("200", first, StringComparison.Ordinal);
    }

    private void Allow(string account, string rules)
    {
        Server.Objects.Create(
            JsonNode
                .Parse(
                    $$"""{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":"""
                        + $$"""{"name":"{{account}}"},"rules":{{rules}}}"""
                )!
                .AsObject()
        );
        Server.Objects.Create(
            JsonNode
                .Parse(
                    $$"""
                    {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"{{account}}"},
                     "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"{{account}}"},
                     "subjects":[{"kind":"ServiceAccount","name":"{{account}}","namespace":"hostdev-system"}]}
                    """
                )!
                .AsObject()
        );
    }
}
