using System.Net;
using System.Net.Sockets;
using System.Text;
using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class ProxyTests
{
    [Fact]
    public async Task A_proxy_learns_who_we_are_and_an_error_does_not_show_it()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var proxy = Task.Run(() => RefuseAsync(listener));
        var directory = Directory.CreateTempSubdirectory("proxy-").FullName;
        var kubeconfig = Path.Combine(directory, "config");
        await File.WriteAllTextAsync(
            kubeconfig,
            $"{{clusters: [{{name: c, cluster: {{server: \"https://cluster.example:6443\", proxy-url: "
                + $"\"http://us%20er:geh%40eim@127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}\"}}}}], users: [], "
                + $"contexts: [{{name: c, context: {{cluster: c}}}}], current-context: c}}\n",
            TestContext.Current.CancellationToken
        );
        using var client = new KubeClient(
            KubeConfiguration.FromKubeconfig(kubeconfig, null, TimeProvider.System),
            "test/1",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance
        );
        var error = await Assert.ThrowsAsync<KubeTransportException>(() =>
            client.ListAsync(Thing.Kind, Selection.Everything, TestContext.Current.CancellationToken)
        );
        Directory.Delete(directory, recursive: true);

        Assert.Equal(["CONNECT cluster.example:6443 HTTP/1.1 ", "CONNECT cluster.example:6443 HTTP/1.1 us er:geh@eim"], await proxy);
        Assert.Contains("403", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geh", error.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Asks who it is, then refuses. What it was asked, and by whom.</summary>
    private static async Task<List<string>> RefuseAsync(TcpListener listener)
    {
        var asked = new List<string>();
        while (asked.Count < 2)
        {
            using var connection = await listener.AcceptTcpClientAsync();
            var stream = connection.GetStream();
            using var reader = new StreamReader(stream);
            while (asked.Count < 2 && await reader.ReadLineAsync() is { } request)
            {
                var who = "";
                const string basic = "Proxy-Authorization: Basic ";
                while (await reader.ReadLineAsync() is { Length: > 0 } header)
                    if (header.StartsWith(basic, StringComparison.Ordinal))
                        who = Encoding.UTF8.GetString(Convert.FromBase64String(header[basic.Length..]));
                asked.Add($"{request} {who}");
                await stream.WriteAsync(
                    Encoding.ASCII.GetBytes(
                        who.Length == 0
                            ? "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic "
                                + "realm=\"test\"\r\nContent-Length: 0\r\n\r\n"
                            : "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
                    )
                );
            }
        }

        return asked;
    }
}
