using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Hostdev.Telemetry;

/// <summary>
/// What a kubelet and a Prometheus ask of a process, over HTTP: <c>/healthz</c> and <c>/readyz</c> (503 with a line for everything that is
/// in the way) and <c>/metrics</c>.
/// </summary>
public sealed class MonitoringServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private MonitoringServer(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_app.Urls.First().Replace("[::]", "127.0.0.1", StringComparison.Ordinal));

    /// <param name="listen">As <see cref="TryParse"/> takes it.</param>
    /// <param name="notReady">One line for each thing that is in the way. Called from any thread.</param>
    /// <param name="unhealthy">The same for <c>/healthz</c>: what a restart would mend. Null for a process that is well as long as it
    /// answers.</param>
    /// <exception cref="FormatException"><paramref name="listen"/> cannot be understood.</exception>
    /// <exception cref="IOException">The address is taken.</exception>
    public static async Task<MonitoringServer> StartAsync(
        string listen,
        PrometheusExporter metrics,
        Func<IEnumerable<string>> notReady,
        CancellationToken cancellationToken,
        Func<IEnumerable<string>>? unhealthy = null
    )
    {
        if (!TryParse(listen, out var address, out var port))
            throw new FormatException($"\"{listen}\" is no address to listen at: write :8080 or 127.0.0.1:8080");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        // The process decides itself when it ends.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (address is null)
                kestrel.ListenAnyIP(port);
            else
                kestrel.Listen(address, port);
        });
        var app = builder.Build();
        app.Run(context => AnswerAsync(context, metrics, notReady, unhealthy ?? (() => [])));
        await app.StartAsync(cancellationToken).ConfigureAwait(false);
        return new MonitoringServer(app);
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
    }

    private static Task AnswerAsync(
        HttpContext context,
        PrometheusExporter metrics,
        Func<IEnumerable<string>> notReady,
        Func<IEnumerable<string>> unhealthy
    )
    {
        switch (context.Request.Path.Value)
        {
            case "/healthz":
                return ProblemsAsync(context, unhealthy());
            case "/readyz":
                return ProblemsAsync(context, notReady());
            case "/metrics":
                return metrics.Scrape() is { } text
                    ? WriteAsync(context, StatusCodes.Status200OK, text, PrometheusText.ContentType)
                    : WriteAsync(context, StatusCodes.Status500InternalServerError, "the metrics cannot be read\n");
            default:
                return WriteAsync(context, StatusCodes.Status404NotFound, "there are /healthz, /readyz and /metrics\n");
        }
    }

    private static Task ProblemsAsync(HttpContext context, IEnumerable<string> problems)
    {
        var lines = string.Concat(problems.Select(p => p + "\n"));
        return lines.Length == 0
            ? WriteAsync(context, StatusCodes.Status200OK, "ok\n")
            : WriteAsync(context, StatusCodes.Status503ServiceUnavailable, lines);
    }

    private static Task WriteAsync(HttpContext context, int status, string text, string type = "text/plain; charset=utf-8")
    {
        (context.Response.StatusCode, context.Response.ContentType) = (status, type);
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>Hears no signals.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
