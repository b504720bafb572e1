using System.Net;
using System.Text;
using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Kube;

/// <summary>Connections that are made anew because what they were made with was renewed.</summary>
public sealed class RenewalTests : IDisposable
{
    private readonly CertificateAuthority _ca = new();
    private readonly FakeTime _time = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("hostdev-renewal").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_is_under_way_ends_in_peace_when_the_client_certificate_is_renewed()
    {
        await using var server = await FakeApiServer.StartAsync(_ca.Server(address: IPAddress.Loopback), asksForCertificate: true);
        Renew("first");
        var ca = $", certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(_ca.Pem))}";
        var path = Connection.Write(_folder, server.Address, "{client-certificate: tls.crt, client-key: tls.key}", ca);
        var configuration = KubeConfiguration.FromKubeconfig(path, null, _time);
        using var client = new KubeClient(configuration, "t/1", TimeProvider.System, NullLogger<KubeClient>.Instance);
        var held = new TaskCompletionSource();
        server.Answer(
            _ => true,
            async c =>
            {
                await held.Task;
                await FakeApiServer.TextAsync(c, 200, """{"metadata":{"resourceVersion":"7"},"items":[]}""");
            }
        );
        var slow = client.ListAsync(Thing.Kind, Selection.Everything, TestContext.Current.CancellationToken);
        await Waiting.UntilAsync(() => server.Requests.Count == 1);
        Renew("second");
        _time.Advance(TimeSpan.FromMinutes(1.1));
        await client.ListAsync(Thing.Kind, Selection.Everything, TestContext.Current.CancellationToken);
        held.SetResult();
        Assert.Equal("7", (await slow).ResourceVersion);
        Assert.Equal(["CN=first", "CN=second"], server.Requests.Select(r => r.ClientSubject));
    }

    private void Renew(string name)
    {
        var certificate = _ca.Client(name);
        File.WriteAllText(Path.Combine(_folder, "tls.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "tls.key"), CertificateAuthority.KeyPem(certificate));
    }
}
