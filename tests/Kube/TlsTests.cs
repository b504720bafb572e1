using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Kube;

/// <summary>Who the server is and who we are.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly CertificateAuthority _ca = new();
    private readonly FakeTime _time = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("hostdev-tls").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_server_of_the_clusters_own_CA_is_trusted_and_spoken_to_in_HTTP_2()
    {
        await using var server = await FakeApiServer.StartAsync(_ca.Server(address: IPAddress.Loopback));
        await GetAsync(server, cluster: Ca(_ca));
        Assert.Equal("HTTP/2", Assert.Single(server.Requests).Protocol);
    }

    [Fact]
    public async Task An_intermediate_CA_alone_is_enough_as_it_is_for_kubectl()
    {
        var between = new CertificateAuthority("between", new CertificateAuthority("top"));
        await using var server = await FakeApiServer.StartAsync(between.Server(address: IPAddress.Loopback));
        await GetAsync(server, cluster: Ca(between));
    }

    [Fact]
    public async Task A_server_that_cannot_be_trusted_gets_no_request_and_the_message_says_why()
    {
        await RefusedAsync(
            new CertificateAuthority("other").Server(address: IPAddress.Loopback),
            "its certificate, issued by CN=other, leads to no CA that we were given: put the cluster's CA into certificate-authority."
        );
        await RefusedAsync(
            _ca.Server(name: "api.cluster", address: IPAddress.Parse("10.0.0.1")),
            "its certificate is not for 127.0.0.1 but for api.cluster, 10.0.0.1: use one of these in server, or in tls-server-name."
        );
        await RefusedAsync(
            _ca.Server(commonName: "127.0.0.1"),
            "its certificate has no subject alternative name, and a common name is none: have it issued with the server's names."
        );
        await RefusedAsync(
            _ca.Server(address: IPAddress.Loopback, expired: true),
            "its certificate does not hold: certificate has expired"
        );

        async Task RefusedAsync(X509Certificate2 certificate, string words)
        {
            await using var server = await FakeApiServer.StartAsync(certificate);
            var e = await Assert.ThrowsAsync<KubeTransportException>(() => GetAsync(server, "{token: secret-token}", Ca(_ca)));
            Assert.Contains($"{server.Address} cannot be trusted, or does not trust us: {words}", e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("secret-token", e.ToString(), StringComparison.Ordinal);
            Assert.Empty(server.Requests);
        }
    }

    [Fact]
    public async Task A_name_of_its_own_for_the_server_is_what_the_certificate_is_compared_with()
    {
        await using var server = await FakeApiServer.StartAsync(_ca.Server(name: "api.cluster"));
        await Assert.ThrowsAsync<KubeTransportException>(() => GetAsync(server, cluster: Ca(_ca)));
        await GetAsync(server, cluster: Ca(_ca) + ", tls-server-name: api.cluster");
    }

    [Fact]
    public async Task Any_server_is_trusted_where_the_admin_says_so()
    {
        await using var server = await FakeApiServer.StartAsync(new CertificateAuthority().Server(name: "elsewhere"));
        await GetAsync(server, cluster: ", insecure-skip-tls-verify: true");
    }

    [Fact]
    public async Task A_client_certificate_is_shown()
    {
        await using var server = await FakeApiServer.StartAsync(_ca.Server(address: IPAddress.Loopback), asksForCertificate: true);
        await GetAsync(server, User(_ca.Client("admin")), Ca(_ca));
        Assert.Equal("CN=admin", Assert.Single(server.Requests).ClientSubject);
    }

    [Fact]
    public async Task A_client_certificate_in_files_is_read_again_when_it_was_renewed()
    {
        await using var server = await FakeApiServer.StartAsync(_ca.Server(address: IPAddress.Loopback), asksForCertificate: true);
        WriteCertificate("first");
        var path = Connection.Write(_folder, server.Address, "{client-certificate: tls.crt, client-key: tls.key}", Ca(_ca));
        using var client = new KubeClient(
            KubeConfiguration.FromKubeconfig(path, null, _time),
            "t/1",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance
        );
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        WriteCertificate("second");
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        _time.Advance(TimeSpan.FromMinutes(1.1));
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        Assert.Equal(["CN=first", "CN=first", "CN=second"], server.Requests.Select(r => r.ClientSubject));
    }

    [Fact]
    public async Task In_a_Pod_the_token_is_read_again_every_minute_and_at_once_when_it_is_refused()
    {
        await using var server = await FakeApiServer.StartAsync(_ca.Server(address: IPAddress.Loopback));
        var account = Directory.CreateDirectory(Path.Combine(_folder, "var/run/secrets/kubernetes.io/serviceaccount")).FullName;
        File.WriteAllText(Path.Combine(account, "token"), "one\n");
        File.WriteAllText(Path.Combine(account, "ca.crt"), _ca.Pem);
        File.WriteAllText(Path.Combine(account, "namespace"), "hostdev");
        var configuration = KubeConfiguration.InCluster(
            _time,
            n =>
                n switch
                {
                    "KUBERNETES_SERVICE_HOST" => "127.0.0.1",
                    "KUBERNETES_SERVICE_PORT" => $"{server.Address.Port}",
                    _ => null,
                },
            _folder
        );
        Assert.Equal("hostdev", configuration.Namespace);
        using var client = new KubeClient(configuration, "t/1", TimeProvider.System, NullLogger<KubeClient>.Instance);
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        File.WriteAllText(Path.Combine(account, "token"), "two");
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        _time.Advance(TimeSpan.FromMinutes(1.1));
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        File.WriteAllText(Path.Combine(account, "token"), "three");
        server.Refuse(_ => true, 401, "Unauthorized");
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        File.WriteAllText(Path.Combine(account, "token"), ""); // being replaced
        _time.Advance(TimeSpan.FromMinutes(1.1));
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
        Assert.Equal(
            ["Bearer one", "Bearer one", "Bearer two", "Bearer two", "Bearer three", "Bearer three"],
            server.Requests.Select(r => r.Authorization)
        );
    }

    [Fact]
    public async Task Who_is_refused_twice_is_refused()
    {
        await using var server = await FakeApiServer.StartAsync();
        server.Refuse(_ => true, 401, "Unauthorized", "Unauthorized", times: 10);
        var e = await Assert.ThrowsAsync<KubeApiException>(() => GetAsync(server, "{token: secret-token}"));
        Assert.True(e.IsUnauthorized);
        Assert.Equal(2, server.Requests.Count);
        Assert.DoesNotContain("secret-token", e.ToString(), StringComparison.Ordinal);
    }

    private static string Ca(CertificateAuthority ca) => $", certificate-authority-data: {Base64(ca.Pem)}";

    private static string User(X509Certificate2 certificate) =>
        $"{{client-certificate-data: {Base64(certificate.ExportCertificatePem())}, client-key-data: "
        + $"{Base64(CertificateAuthority.KeyPem(certificate))}}}";

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task GetAsync(FakeApiServer server, string user = "{}", string cluster = "")
    {
        using var client = new KubeClient(
            Connection.Configuration(server.Address, user, cluster),
            "t/1",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance
        );
        await client.ListAsync(Thing.Kind, Selection.Everything, default);
    }

    private void WriteCertificate(string name)
    {
        var certificate = _ca.Client(name);
        File.WriteAllText(Path.Combine(_folder, "tls.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "tls.key"), CertificateAuthority.KeyPem(certificate));
    }
}
