using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class KubeconfigTests : IDisposable
{
    private static readonly Uri _server = new("https://10.0.0.1:6443/");

    private readonly string _folder = Directory.CreateTempSubdirectory("hostdev-kubeconfig").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_current_context_names_server_and_namespace()
    {
        var it = Read(Connection.Write(_folder, _server));
        Assert.Equal((_server, "mine"), (it.Server, it.Namespace));
    }

    [Fact]
    public void A_server_may_stand_below_a_path()
    {
        Assert.Equal(
            "https://rancher.example/k8s/clusters/c-1/",
            Read(Connection.Write(_folder, new Uri("https://rancher.example/k8s/clusters/c-1"))).Server.ToString()
        );
    }

    [Fact]
    public void JSON_is_read_as_well()
    {
        var path = File(
            "json",
            """{"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"clusters":["""
                + """{"name":"k","cluster":{"server":"https://h:1"}}],"users":[{"name":"u","user":{"token":"t"}}]}"""
        );
        Assert.Equal(("https://h:1/", "default"), (Read(path).Server.ToString(), Read(path).Namespace));
    }

    [Fact]
    public void Of_several_files_the_first_that_has_something_counts()
    {
        var first = File(
            "first",
            "contexts: [{name: a, context: {cluster: k}}]\nclusters: [{name: k, cluster: {server: 'https://first'}}]"
        );
        var second = File(
            "second",
            "current-context: a\ncontexts: [{name: a, context: {cluster: other}}]\nclusters: [{name: k, cluster: "
                + "{server: 'https://second'}}, {name: other, cluster: {server: 'https://other'}}]"
        );
        Assert.Equal("https://first/", Read($"{first}:{_folder}/absent:{second}").Server.ToString());
        Assert.Equal("https://other/", Read($"{second}:{first}").Server.ToString());
    }

    [Fact]
    public void Without_anything_named_a_Pod_is_a_Pod_and_KUBECONFIG_comes_first()
    {
        var path = Connection.Write(_folder, _server);
        Assert.Equal(
            _server,
            KubeConfiguration
                .Find(
                    null,
                    null,
                    TimeProvider.System,
                    n =>
                        n == "KUBECONFIG" ? path
                        : n == "KUBERNETES_SERVICE_HOST" ? "10.96.0.1"
                        : null
                )
                .Server
        );
        var e = Assert.Throws<KubeConfigurationException>(() =>
            KubeConfiguration.Find(null, null, TimeProvider.System, n => n == "HOME" ? _folder : null)
        );
        Assert.Contains("this is no Pod. Name a kubeconfig with KUBECONFIG or --kubeconfig", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_Pod_without_a_token_the_message_says_why()
    {
        var e = Assert.Throws<KubeConfigurationException>(() =>
            KubeConfiguration.InCluster(TimeProvider.System, n => n == "KUBERNETES_SERVICE_HOST" ? "fd00::1" : "443", _folder)
        );
        Assert.Contains("automountServiceAccountToken", e.Message, StringComparison.Ordinal);
        Assert.Contains("/var/run/secrets/kubernetes.io/serviceaccount/token cannot be read", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_and_password_and_a_token_in_a_file_are_sent()
    {
        await using var server = await FakeApiServer.StartWithTlsAsync();
        File("token", "from-file\n");
        foreach (var user in new[] { "{username: me, password: 'p:w'}", "{token: stale, tokenFile: token}", "{token: plain}" })
        {
            using var client = new KubeClient(
                Read(Connection.Write(_folder, server.Address, user, Connection.AnyServer)),
                "t/1",
                TimeProvider.System,
                NullLogger<KubeClient>.Instance
            );
            await client.ListAsync(Thing.Kind, Selection.Everything, default);
        }

        Assert.Equal(["Basic bWU6cDp3", "Bearer from-file", "Bearer plain"], server.Requests.Select(r => r.Authorization));
    }

    [Fact]
    public async Task Over_plain_http_neither_is_sent_and_who_is_refused_for_it_reads_why()
    {
        await using var server = await FakeApiServer.StartAsync();
        foreach (var user in new[] { "{username: me, password: secret}", "{token: secret}" })
        {
            using var client = new KubeClient(
                Read(Connection.Write(_folder, server.Address, user)),
                "t/1",
                TimeProvider.System,
                NullLogger<KubeClient>.Instance
            );
            await client.ListAsync(Thing.Kind, Selection.Everything, default); // as through kubectl proxy
            server.Refuse(_ => true, 401, "Unauthorized", "Unauthorized", times: 2);
            var e = await Assert.ThrowsAsync<KubeApiException>(() => client.ListAsync(Thing.Kind, Selection.Everything, default));
            Assert.EndsWith(
                $"Unauthorized; {server.Address} is plain http, where no token or password is sent: write https",
                e.Message,
                StringComparison.Ordinal
            );
        }

        Assert.All(server.Requests, r => Assert.Equal("", r.Authorization));
    }

    [Theory]
    [InlineData("current-context: x", "current-context names the context \"x\", which is not in contexts; there are: none")]
    [InlineData(
        "contexts: [{name: a, context: {cluster: k}}, {name: b, context: {}}]",
        "current-context is not set. Set it (kubectl config use-context NAME) or name a context; there are: a, b"
    )]
    [InlineData("current-context: a\ncontexts: [{name: a, context: {user: u}}]", "contexts[a].context.cluster is missing")]
    [InlineData(
        "current-context: a\ncontexts: [{name: a, context: {cluster: k}}]",
        "context a names the cluster \"k\", which is not in clusters; there are: none"
    )]
    [InlineData(
        "current-context: a\ncontexts: [{name: a, context: {cluster: k}}]\nclusters: [{name: k, cluster: {}}]",
        "clusters[k].cluster.server is missing"
    )]
    [InlineData(
        "current-context: a\ncontexts: [{name: a, context: {cluster: k}}]\nclusters: [{name: k, cluster: {server: 'ftp://x'}}]",
        "clusters[k].cluster.server \"ftp://x\" is no address: write for example https://10.0.0.1:6443"
    )]
    [InlineData("contexts: {a: b}", "contexts must be a list")]
    [InlineData("users: [x", ", column")]
    [InlineData("", "is empty or no mapping")]
    public void What_is_wrong_is_named_with_file_and_field(string text, string words)
    {
        var path = File("bad", text);
        var e = Assert.Throws<KubeConfigurationException>(() => Read(path));
        Assert.StartsWith($"kubeconfig {path}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{client-certificate-data: eA==}", "users[me].user.client-key is missing beside client-certificate")]
    [InlineData("{client-key-data: eA==}", "users[me].user.client-certificate is missing beside client-key")]
    [InlineData("{client-certificate-data: '%'}", "users[me].user.client-certificate-data is not base64")]
    [InlineData("{client-certificate: no.crt, client-key: no.key}", "no.crt cannot be read")]
    [InlineData(
        "{auth-provider: {name: gcp}}",
        "users[me].user.auth-provider is of old versions and not supported: use exec with the provider's plugin"
    )]
    [InlineData("{tokenFile: absent}", "users[me].user.tokenFile: ")]
    public void A_user_that_cannot_be_is_refused(string user, string words)
    {
        var e = Assert.Throws<KubeConfigurationException>(() => Read(Connection.Write(_folder, _server, user)));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(", certificate-authority-data: eA==", "clusters[near].cluster.certificate-authority-data holds no certificate")]
    [InlineData(", certificate-authority: ca.crt", "ca.crt cannot be read")]
    [InlineData(", insecure-skip-tls-verify: maybe", "clusters[near].cluster.insecure-skip-tls-verify must be true or false")]
    [InlineData(", proxy-url: nonsense", "clusters[near].cluster.proxy-url is no address of a proxy")]
    public void A_cluster_that_cannot_be_is_refused(string cluster, string words)
    {
        var e = Assert.Throws<KubeConfigurationException>(() => Read(Connection.Write(_folder, _server, cluster: cluster)));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{token: 'secret-token'}")]
    [InlineData("{token: \"secret-token\\nsecond line\"}")]
    [InlineData("{token: [secret-token]}")]
    [InlineData("{username: me, password: secret-token}")]
    [InlineData("{token: 'secret-token', username: {}}")]
    [InlineData("{token: 'secret-token")]
    [InlineData("{client-certificate-data: 'secret-token!', client-key-data: 'secret-token!'}")]
    [InlineData("{client-certificate-data: c2VjcmV0LXRva2Vu, client-key-data: c2VjcmV0LXRva2Vu}")]
    [InlineData("secret-token")]
    public async Task No_secret_is_ever_printed(string user)
    {
        var log = new LogLines();
        var said = "";
        try
        {
            var configuration = Read(Connection.Write(_folder, new Uri("http://127.0.0.1:1/"), user));
            said += $"{configuration} {configuration.Credential} {await configuration.Credential.GetAsync(null, default)}";
            using var client = new KubeClient(configuration, "t/1", TimeProvider.System, log);
            await client.ListAsync(Thing.Kind, Selection.Everything, default);
        }
        catch (Exception e) when (e is KubeConfigurationException or KubeTransportException)
        {
            said += e.ToString();
        }

        said += string.Join('\n', log.Lines);
        Assert.NotEmpty(said);
        Assert.DoesNotContain("secret-token", said, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", said, StringComparison.Ordinal);
    }

    private static KubeConfiguration Read(string path) => KubeConfiguration.FromKubeconfig(path, null, TimeProvider.System);

    private string File(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }
}
