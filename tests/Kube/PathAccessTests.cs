using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Kube;

/// <summary>Who may read the metrics, asked of an API server with roles.</summary>
public sealed class PathAccessTests : IAsyncLifetime
{
    private readonly SimulatedApiServer _server = new(new ApiServerOptions { Rbac = true });
    private readonly StandingTime _time = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;
    private KubeClient? _client;
    private PathAccess? _access;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        _server.Objects.Create(
            Json(
                """
                {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "hostdev-metrics-reader"},
                 "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}
                """
            )
        );
        Bind();
        var kubeconfig = Path.Combine(_directory, "kubeconfig");
        _server.WriteKubeconfig(kubeconfig);
        _client = new KubeClient(
            KubeConfiguration.FromKubeconfig(kubeconfig, null, TimeProvider.System),
            "hostdev-operator/test",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance
        );
        _access = new PathAccess(_client, "/metrics", _time);
    }

    public async ValueTask DisposeAsync()
    {
        _client!.Dispose();
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task The_API_server_says_who_it_is_and_whether_he_may()
    {
        Assert.Equal((200, ""), await AskAsync(Token("monitoring", "prometheus")));
        Assert.Equal(
            (
                403,
                "system:serviceaccount:default:somebody may not get /metrics: bind it to a ClusterRole with nonResourceURLs [/metrics] and "
                    + "the verb get"
            ),
            await AskAsync(Token("default", "somebody"))
        );
        Assert.Equal(
            (401, "the API server does not know this token: it is of another cluster, or has expired"),
            await AskAsync("nobody's")
        );
    }

    [Fact]
    public async Task An_answer_holds_for_a_minute_and_a_right_that_is_taken_away_no_longer()
    {
        var (good, bad) = (Token("monitoring", "prometheus"), Token("default", "somebody"));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(200, (await AskAsync(good)).Status);
            Assert.Equal(403, (await AskAsync(bad)).Status);
            Assert.Equal(401, (await AskAsync("nobody's")).Status);
        }

        Assert.Equal((3, 2), (Asked("tokenreviews"), Asked("subjectaccessreviews")));
        _server.Objects.Delete("clusterrolebindings.rbac.authorization.k8s.io", "prometheus");
        _time.Seconds += 59;
        Assert.Equal(200, (await AskAsync(good)).Status);
        _time.Seconds += 2;
        Assert.Equal(403, (await AskAsync(good)).Status);
        Bind();
        _time.Seconds += 61;
        Assert.Equal(200, (await AskAsync(good)).Status);
    }

    [Fact]
    public async Task Tokens_that_are_made_up_reach_the_API_server_ten_in_a_second_and_keep_nobody_out()
    {
        var good = Token("monitoring", "prometheus");
        Assert.Equal(200, (await AskAsync(good)).Status);
        _time.Seconds += 61;
        var before = Asked("tokenreviews");
        var answers = new List<int>();
        for (var i = 0; i < 1_000; i++)
            answers.Add((await AskAsync($"made-up-{i}")).Status);
        Assert.Equal((10, 990), (answers.Count(a => a == 401), answers.Count(a => a == 429)));
        Assert.Equal(before + 10, Asked("tokenreviews"));
        Assert.Equal(200, (await AskAsync(good)).Status);

        for (var second = 0; second < 30; second++)
        {
            _time.Seconds++;
            for (var i = 0; i < 10; i++)
                Assert.Equal(401, (await AskAsync($"made-up-{second}-{i}")).Status);
        }

        Assert.InRange(_access!.Kept, 1, 2 * PathAccess.MostKept);
    }

    [Fact]
    public async Task While_the_API_server_is_away_nobody_reads_and_the_words_say_so()
    {
        await _server.DisposeAsync();
        var (status, words) = await AskAsync("somebody's");
        Assert.Equal(503, status);
        Assert.StartsWith("whether this token may read /metrics cannot be asked: ", words, StringComparison.Ordinal);
    }

    private Task<(int Status, string Words)> AskAsync(string token) => _access!.AskAsync(token, TestContext.Current.CancellationToken);

    private int Asked(string resource) => _server.Requests.All.Count(r => r.Resource == resource && r.Verb == "create");

    private string Token(string ns, string account) => _server.AddUser(ApiUser.ServiceAccount(ns, account));

    private void Bind() =>
        _server.Objects.Create(
            Json(
                """
                {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "prometheus"},
                 "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "hostdev-metrics-reader"},
                 "subjects": [{"kind": "ServiceAccount", "namespace": "monitoring", "name": "prometheus"}]}
                """
            )
        );

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private sealed class StandingTime : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
