using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Hostdev.Kubectl.Page;

/// <summary>
/// Serves the page to one browser of this machine: its files, and what happens on the <see cref="Board"/> as Server-Sent Events (WHATWG
/// HTML, "Server-sent events"). Kestrel without a host around it: no configuration, no services, no signals.
/// </summary>
internal sealed class PageServer : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private const int MostConnections = 64;
    private const int EntriesPerEvent = 32; // so that a browser shows the first of many nodes before it has read the last

    /// <summary>A page that does not hear that often takes the connection for lost (Assets/app.js).</summary>
    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(5);

    /// <summary>Changes that come faster go together.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private static readonly Dictionary<string, (string Resource, string Type)> s_files = new(StringComparer.Ordinal)
    {
        ["/"] = ("index.html", "text/html; charset=utf-8"),
        ["/app.css"] = ("app.css", "text/css; charset=utf-8"),
        ["/app.js"] = ("app.js", "text/javascript; charset=utf-8"),
        ["/cards.js"] = ("cards.js", "text/javascript; charset=utf-8"),
        ["/elements.js"] = ("elements.js", "text/javascript; charset=utf-8"),
        ["/nodes.js"] = ("nodes.js", "text/javascript; charset=utf-8"),
        ["/tree.js"] = ("tree.js", "text/javascript; charset=utf-8"),
        ["/icon.svg"] = ("icon.svg", "image/svg+xml"),
    };

    /// <summary>Nothing from elsewhere, no script in the page itself, no text that is taken for markup.</summary>
    private static readonly (string Name, string Value)[] s_headers =
    [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
                + "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ];

    private readonly Board _board;
    private readonly TimeProvider _time;
    private readonly KestrelServer _server;
    private readonly SocketTransportFactory _transport;
    private readonly CancellationTokenSource _ended = new();
    private readonly string _token = PageGuard.NewSecret();
    private PageGuard? _guard;

    private PageServer(Board board, int port, TimeProvider time)
    {
        (_board, _time) = (board, time);
        var options = new KestrelServerOptions { AddServerHeader = false };
        var limits = options.Limits;
        limits.MaxConcurrentConnections = MostConnections;
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestLineSize = 4 << 10;
        limits.MaxRequestHeadersTotalSize = 32 << 10; // cookies of whatever else is served on 127.0.0.1 are among them
        options.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1);
        _transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        _server = new KestrelServer(Options.Create(options), _transport, NullLoggerFactory.Instance);
    }

    /// <summary>Where it is, with the token that lets one browser in.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <param name="port">0 for any that is free.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<PageServer> StartAsync(Board board, int port, TimeProvider time, CancellationToken cancellationToken)
    {
        var server = new PageServer(board, port, time);
        try
        {
            await server._server.StartAsync(server, cancellationToken).ConfigureAwait(false);
            var bound = new Uri(server._server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
            server._guard = new PageGuard(server._token, PageGuard.NewSecret(), bound.Port);
            server.Address = new Uri(bound, $"/?token={server._token}");
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception) { }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        foreach (var (name, value) in s_headers)
            response.Headers[name] = value;
        if (_guard is not { } guard)
        {
            response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        var asked = new PageRequest(
            request.Method,
            request.Path.Value ?? "",
            request.Query["token"] is [{ } token] ? token : null,
            request.Headers.Host.ToString(),
            request.Headers.Origin is [{ } origin, ..] ? origin : null,
            request.Headers["Sec-Fetch-Site"] is [{ } site, ..] ? site : null,
            request.Cookies[guard.CookieName]
        );
        switch (guard.Judge(asked))
        {
            case PageVerdict.Refused refused:
                if (refused.Status == StatusCodes.Status405MethodNotAllowed)
                    response.Headers.Allow = "GET, HEAD";
                await WriteAsync(context, refused.Status, "text/plain; charset=utf-8", Encoding.UTF8.GetBytes(refused.Words + "\n"))
                    .ConfigureAwait(false);
                break;
            case PageVerdict.Allowed allowed:
                if (allowed.BeginsSession)
                    response.Headers.SetCookie = guard.Cookie;
                await AnswerAsync(context, asked.Path).ConfigureAwait(false);
                break;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1)))
            await _server.StopAsync(patience.Token).ConfigureAwait(false);
        _server.Dispose();
        _ended.Dispose();
    }

    private async Task AnswerAsync(HttpContext context, string path)
    {
        if (path == "/events" && HttpMethods.IsGet(context.Request.Method))
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _ended.Token);
            try
            {
                await TellAsync(context, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested)
            {
                context.Abort();
            }
        }
        else if (s_files.TryGetValue(path, out var file))
        {
            await WriteAsync(context, StatusCodes.Status200OK, file.Type, Resource(file.Resource)).ConfigureAwait(false);
        }
        else
        {
            await WriteAsync(context, StatusCodes.Status404NotFound, "text/plain; charset=utf-8", "there is no such part\n"u8.ToArray())
                .ConfigureAwait(false);
        }
    }

    /// <summary>Until the browser or the program ends.</summary>
    private async Task TellAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var response = context.Response;
        response.ContentType = "text/event-stream";
        // A browser that was away says what it has heard last, and a page that begins anew says it in the address.
        var heard = context.Request.Headers["Last-Event-ID"] is [{ Length: > 0 } last, ..]
            ? last
            : context.Request.Query["since"].ToString();
        _ = long.TryParse(heard, NumberStyles.None, CultureInfo.InvariantCulture, out var revision);
        var isFirst = true;
        while (true)
        {
            var changes = _board.Since(revision);
            if (changes.Changes.Count > 0 || isFirst)
                await response.WriteAsync(EventText(changes), cancellationToken).ConfigureAwait(false);
            else
                await response.WriteAsync("event: beat\ndata:\n\n", cancellationToken).ConfigureAwait(false);
            await response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
            (revision, isFirst) = (changes.Revision, false);
            await Task.Delay(s_pause, _time, cancellationToken).ConfigureAwait(false);
            using var beat = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var change = _board.WaitAsync(revision, beat.Token);
            await Task.WhenAny(change, Task.Delay(s_beat, _time, beat.Token)).ConfigureAwait(false);
            await beat.CancelAsync().ConfigureAwait(false);
            await change.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>One event or several, of which the last has the number: who did not hear it begins again where they were.</summary>
    private static string EventText(BoardChanges changes)
    {
        var text = new StringBuilder();
        var parts = changes.Changes.Chunk(EntriesPerEvent).DefaultIfEmpty([]).ToList();
        for (var i = 0; i < parts.Count; i++)
        {
            var (isFirst, isLast) = (i == 0, i == parts.Count - 1);
            if (isLast)
                text.Append("id: ").Append(changes.Revision).Append('\n');
            text.Append("event: changes\ndata: {\"whole\":").Append(changes.IsWhole && isFirst ? "true" : "false");
            text.Append(",\"last\":").Append(isLast ? "true" : "false").Append(",\"entries\":{");
            for (var j = 0; j < parts[i].Length; j++)
            {
                var (key, json) = parts[i][j];
                text.Append(j == 0 ? "\"" : ",\"").Append(System.Text.Json.JsonEncodedText.Encode(key)).Append("\":");
                text.Append(json ?? "null");
            }

            text.Append("}}\n\n");
        }

        return text.ToString();
    }

    private static async Task WriteAsync(HttpContext context, int status, string type, byte[] body)
    {
        var response = context.Response;
        (response.StatusCode, response.ContentType, response.ContentLength) = (status, type, body.Length);
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    private static byte[] Resource(string name)
    {
        using var stream = typeof(PageServer).Assembly.GetManifestResourceStream(name)!;
        var body = new byte[stream.Length];
        stream.ReadExactly(body);
        return body;
    }
}
