using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Hostdev.Telemetry;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>What peers of /healthz, /readyz and /metrics can cost, and who reads the metrics.</summary>
public sealed class MonitoringLimitTests : IAsyncLifetime
{
    private readonly Meter _meter = new("Hostdev.Tests.MonitoringLimits");
    private readonly TelemetryProviders _telemetry;
    private MonitoringServer? _server;

    public MonitoringLimitTests()
    {
        _telemetry = TelemetryProviders.Create(
            new TelemetryOptions
            {
                Name = "test",
                Version = "0",
                Instance = "test",
                Meters = [_meter.Name],
                ActivitySources = [],
            },
            _ => null
        );
        // Eight megabytes of text: more than an operator ever has, and than the kernel buffers for a connection.
        var name = new string('x', 4_000);
        var values = Enumerable.Range(0, 1_900).Select(i => new Measurement<long>(i, new TagList { { "name", $"{i:d4}{name}" } }));
        _meter.CreateObservableGauge("test.many", () => values.ToArray());
    }

    public async ValueTask InitializeAsync() => _server = await StartAsync(null);

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _telemetry.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public async Task Connections_that_are_kept_keep_nobody_out_who_asks_for_health()
    {
        var kept = new List<Socket>();
        for (var i = 0; i < 500; i++)
        {
            kept.Add(await ConnectAsync());
            await kept[^1].SendAsync("GET /heal"u8.ToArray());
            if (i % 50 == 0)
                Assert.Equal("ok\n", await HealthAsync());
        }

        Assert.Equal("ok\n", await HealthAsync());
        Assert.True(await IsClosedAsync(kept[0])); // the one that was there longest
        kept.ForEach(s => s.Dispose());
    }

    [Theory]
    [InlineData("a path", "GET /{0} HTTP/1.1\r\nHost: a\r\n\r\n", 414)]
    [InlineData("a header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {0}\r\n\r\n", 431)]
    [InlineData("a body", "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n{0}", 413)]
    [InlineData("a method", "{0} /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 414)]
    public async Task What_is_larger_than_a_probe_is_refused_or_passed_over(string what, string form, int refusal)
    {
        using var peer = await ConnectAsync();
        await peer.SendAsync(Encoding.ASCII.GetBytes(string.Format(CultureInfo.InvariantCulture, form, new string('x', 20_000))));
        var buffer = new byte[64 << 10];
        var answer = new StringBuilder();
        try
        {
            for (int got; (got = await peer.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(20))) > 0; )
                answer.Append(Encoding.ASCII.GetString(buffer, 0, got));
        }
        catch (SocketException)
        {
            // Reset, because of what it did not read.
        }

        // A body that nobody asked for is not read; its connection ends.
        Assert.True(
            answer.Length == 0 || answer.ToString().StartsWith($"HTTP/1.1 {refusal} ", StringComparison.Ordinal) || what == "a body",
            $"{what}: {answer}"
        );
        Assert.Equal("ok\n", await HealthAsync());
    }

    /// <summary>What they hold meanwhile is FloodTests'.</summary>
    [Fact]
    public async Task Whoever_reads_nothing_is_cut_off()
    {
        _server!.Answer = TimeSpan.FromSeconds(2);
        var text = await ReadAsync("/metrics");
        Assert.True(text.Length > 7_000_000);
        var slow = new List<Socket>();
        for (var i = 0; i < 30; i++)
        {
            slow.Add(await ConnectAsync());
            slow[^1].ReceiveBufferSize = 4096;
            await slow[^1].SendAsync("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray());
        }

        Assert.Equal("ok\n", await HealthAsync());
        foreach (var one in slow)
            Assert.True(await one.ReceiveAsync(new byte[1]) == 1); // each has begun
        // What is in the kernel's buffers is read, and then the end comes.
        var buffer = new byte[1 << 20];
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        long got = 0;
        try
        {
            for (int more; (more = await slow[0].ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(10))) > 0; )
                got += more;
        }
        catch (SocketException)
        {
            // Reset.
        }

        Assert.True(got < text.Length, $"{got} of {text.Length}");
        slow.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task With_a_rule_metrics_are_read_by_whom_it_allows_and_health_by_everybody()
    {
        await using var server = await StartAsync(
            (token, _) => Task.FromResult(token == "good" ? (200, "") : (403, $"{token} may not get /metrics"))
        );
        using var http = new HttpClient { BaseAddress = server.Address };
        async Task<(int, string)> GetAsync(string path, string? token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (token is not null)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var response = await http.SendAsync(request);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
        }

        Assert.Equal((401, "metrics are read with a token: Authorization: Bearer TOKEN\n"), await GetAsync("/metrics", null));
        Assert.Equal((403, "bad may not get /metrics\n"), await GetAsync("/metrics", "bad"));
        Assert.Equal(200, (await GetAsync("/metrics", "good")).Item1);
        Assert.Equal((200, "ok\n"), await GetAsync("/healthz", null));
        Assert.Equal((200, "ok\n"), await GetAsync("/readyz", null));
    }

    private Task<MonitoringServer> StartAsync(MetricsReader? mayRead) =>
        MonitoringServer.StartAsync("127.0.0.1:0", _telemetry.Prometheus, () => [], CancellationToken.None, mayRead: mayRead);

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, _server!.Address.Port);
        return socket;
    }

    private Task<string> HealthAsync() => ReadAsync("/healthz");

    private async Task<string> ReadAsync(string path)
    {
        using var http = new HttpClient { BaseAddress = _server!.Address, Timeout = TimeSpan.FromSeconds(20) };
        return await http.GetStringAsync(new Uri(path, UriKind.Relative));
    }

    private static async Task<bool> IsClosedAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(20)) == 0;
        }
        catch (SocketException)
        {
            return true; // reset
        }
    }
}
