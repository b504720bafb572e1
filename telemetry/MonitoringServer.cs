using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Hostdev.Telemetry;

/// <summary>
/// What a kubelet and a Prometheus ask of a process, over HTTP: <c>/healthz</c> and <c>/readyz</c> (503 with a line for everything that is
/// in the way) and <c>/metrics</c>. All that its peers can make it hold is a few megabytes, however many they are and however slowly they
/// write or read; who asks for health is answered meanwhile.
/// </summary>
public sealed class MonitoringServer : IAsyncDisposable
{
    /// <summary>How long an answer takes at most.</summary>
    internal static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(10);

    private const int MostConnections = 32;
    private const int BufferBytes = 16 << 10;

    private readonly WebApplication _app;
    private readonly SharedScrape _scrape;
    private readonly Func<IEnumerable<string>> _notReady;
    private readonly Func<IEnumerable<string>> _unhealthy;
    private readonly MetricsReader? _mayRead;

    private MonitoringServer(
        WebApplication app,
        PrometheusExporter metrics,
        Func<IEnumerable<string>> notReady,
        Func<IEnumerable<string>>? unhealthy,
        MetricsReader? mayRead
    )
    {
        _app = app;
        _scrape = new SharedScrape(metrics.Scrape, TimeProvider.System);
        (_notReady, _unhealthy, _mayRead) = (notReady, unhealthy ?? (() => []), mayRead);
    }

    /// <summary>How long an answer may take; who reads more slowly is cut off.</summary>
    internal TimeSpan Answer { get; set; } = LongestAnswer;

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_app.Urls.First().Replace("[::]", "127.0.0.1", StringComparison.Ordinal));

    /// <param name="listen">As <see cref="TryParse"/> takes it.</param>
    /// <param name="notReady">One line for each thing that is in the way. Called from any thread.</param>
    /// <param name="unhealthy">The same for <c>/healthz</c>: what a restart would mend. Null for a process that is well as long as it
    /// answers.</param>
    /// <param name="mayRead">Asked about each request for <c>/metrics</c>; null where everybody may read them.</param>
    /// <exception cref="FormatException"><paramref name="listen"/> cannot be understood.</exception>
    /// <exception cref="IOException">The address is taken.</exception>
    public static async Task<MonitoringServer> StartAsync(
        string listen,
        PrometheusExporter metrics,
        Func<IEnumerable<string>> notReady,
        CancellationToken cancellationToken,
        Func<IEnumerable<string>>? unhealthy = null,
        MetricsReader? mayRead = null
    )
    {
        if (!TryParse(listen, out var address, out var port))
            throw new FormatException($"\"{listen}\" is no address to listen at: write :8080 or 127.0.0.1:8080");
        // No settings from files: whoever looks for them watches all below the working directory, which is / of a service and of an image.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        // The process decides itself when it ends.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<SocketTransportOptions>(o => (o.MaxReadBufferSize, o.MaxWriteBufferSize) = (BufferBytes, BufferBytes));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            Bound(kestrel);
            var open = new OpenConnections(MostConnections);
            if (address is null)
                kestrel.ListenAnyIP(port, Serve);
            else
                kestrel.Listen(address, port, Serve);

            void Serve(ListenOptions listen)
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection => open.ServeAsync(connection, next));
            }
        });
        var app = builder.Build();
        var server = new MonitoringServer(app, metrics, notReady, unhealthy, mayRead);
        app.Run(server.AnswerAsync);
        await app.StartAsync(cancellationToken).ConfigureAwait(false);
        return server;
    }

    /// <summary><c>:8080</c> for all addresses, <c>127.0.0.1:8080</c> or <c>[::1]:8080</c> for one; port 0 for any.</summary>
    /// <param name="address">Null for all.</param>
    public static bool TryParse(string listen, out IPAddress? address, out int port)
    {
        (address, port) = (null, 0);
        var colon = listen.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(listen.AsSpan(colon + 1), out var number))
            return false;
        port = number;
        return colon == 0 || IPAddress.TryParse(listen.AsSpan(0, colon).Trim("[]"), out address);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _scrape.Dispose();
    }

    private static void Bound(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxConcurrentConnections = 3 * MostConnections; // those that wait for another's end among them
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestBufferSize = BufferBytes;
        limits.MaxResponseBufferSize = BufferBytes;
        limits.MaxRequestLineSize = 4 << 10;
        limits.MaxRequestHeaderCount = 32;
        limits.MaxRequestHeadersTotalSize = 12 << 10; // a token is among them
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(2); // longer than between two scrapes
    }

    private async Task AnswerAsync(HttpContext context)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        late.CancelAfter(Answer);
        try
        {
            await AnswerAsync(context, late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            context.Abort();
        }
    }

    private Task AnswerAsync(HttpContext context, CancellationToken cancellationToken)
    {
        switch (context.Request.Path.Value)
        {
            case "/healthz":
                return ProblemsAsync(context, _unhealthy(), cancellationToken);
            case "/readyz":
                return ProblemsAsync(context, _notReady(), cancellationToken);
            case "/metrics":
                return MetricsAsync(context, cancellationToken);
            default:
                return WriteAsync(context, StatusCodes.Status404NotFound, "there are /healthz, /readyz and /metrics\n", cancellationToken);
        }
    }

    private async Task MetricsAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (_mayRead is not null)
        {
            var (status, words) = Token(context.Request) is { } token
                ? await _mayRead(token, cancellationToken).ConfigureAwait(false)
                : (StatusCodes.Status401Unauthorized, "metrics are read with a token: Authorization: Bearer TOKEN");
            if (status != StatusCodes.Status200OK)
            {
                if (status == StatusCodes.Status401Unauthorized)
                    context.Response.Headers.WWWAuthenticate = "Bearer";
                await WriteAsync(context, status, words + "\n", cancellationToken).ConfigureAwait(false);
                return;
            }
        }

        await _scrape
            .ReadAsync(
                text =>
                    text is null
                        ? WriteAsync(context, StatusCodes.Status500InternalServerError, "the metrics cannot be read\n", cancellationToken)
                        : WriteAsync(context, StatusCodes.Status200OK, text, PrometheusText.ContentType, cancellationToken),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private static string? Token(HttpRequest request)
    {
        const string scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && header[scheme.Length..].Trim() is { Length: > 0 } token
            ? token
            : null;
    }

    private static Task ProblemsAsync(HttpContext context, IEnumerable<string> problems, CancellationToken cancellationToken)
    {
        var lines = string.Concat(problems.Select(p => p + "\n"));
        return lines.Length == 0
            ? WriteAsync(context, StatusCodes.Status200OK, "ok\n", cancellationToken)
            : WriteAsync(context, StatusCodes.Status503ServiceUnavailable, lines, cancellationToken);
    }

    private static Task WriteAsync(HttpContext context, int status, string text, CancellationToken cancellationToken) =>
        WriteAsync(context, status, Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8", cancellationToken);

    /// <summary>In pieces, each after the one before has gone: written at once, a long text would wait as a whole for its reader.</summary>
    private static async Task WriteAsync(HttpContext context, int status, byte[] text, string type, CancellationToken cancellationToken)
    {
        var response = context.Response;
        (response.StatusCode, response.ContentType, response.ContentLength) = (status, type, text.Length);
        for (var at = 0; at < text.Length; at += BufferBytes)
        {
            var piece = text.AsMemory(at, Math.Min(BufferBytes, text.Length - at));
            await response.Body.WriteAsync(piece, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Hears no signals.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
