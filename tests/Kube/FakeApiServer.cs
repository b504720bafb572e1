using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Hostdev.Tests.Kube;

/// <summary>
/// An API server as far as the client needs one, on 127.0.0.1: objects with resourceVersions, lists in pages, watches with a history that
/// can be forgotten, conflicts, and faults on demand.
/// </summary>
internal sealed class FakeApiServer : IAsyncDisposable
{
    private static readonly string[] _plurals = ["things", "leases", "events"];

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly List<(long Version, string Collection, string Type, JsonObject Object)> _history = [];
    private readonly List<FakeWatch> _watches = [];
    private readonly List<(Func<SeenRequest, bool> Which, Func<HttpContext, Task> Answer, int[] Left)> _faults = [];
    private readonly List<SeenRequest> _requests = [];
    private readonly WebApplication _app;
    private long _version = 100;
    private long _forgotten;
    private int _answering;

    private FakeApiServer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <summary>Every request is cut without an answer.</summary>
    public bool Away { get; set; }

    /// <summary>Answers that the kind is not served, as text: what the server says of an unknown path.</summary>
    public bool NotServed { get; set; }

    public IReadOnlyList<SeenRequest> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    /// <summary>Requests that are not answered whole yet, watches among them.</summary>
    public int Answering => Volatile.Read(ref _answering);

    public int OpenWatches
    {
        get
        {
            lock (_gate)
                return _watches.Count;
        }
    }

    /// <summary>By TLS, for those who show a token: <see cref="Connection.AnyServer"/> is what their cluster says of it.</summary>
    public static Task<FakeApiServer> StartWithTlsAsync() => StartAsync(new CertificateAuthority().Server(address: IPAddress.Loopback));

    /// <param name="certificate">For https; null for http.</param>
    /// <param name="asksForCertificate">Whether clients shall show one.</param>
    public static async Task<FakeApiServer> StartAsync(X509Certificate2? certificate = null, bool asksForCertificate = false)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k =>
            k.Listen(
                IPAddress.Loopback,
                0,
                l =>
                {
                    if (certificate is null)
                        return;
                    l.UseHttps(
                        certificate,
                        h =>
                        {
                            if (!asksForCertificate)
                                return;
                            h.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                            h.AllowAnyClientCertificate();
                        }
                    );
                }
            )
        );
        var app = builder.Build();
        var server = new FakeApiServer(app);
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    /// <summary>Answers the next such requests with a Status.</summary>
    public void Refuse(Func<SeenRequest, bool> which, int code, string reason, string message = "", int times = 1, int retryAfter = 0) =>
        Answer(which, c => StatusAsync(c, code, reason, message, null, retryAfter), times);

    /// <summary>Answers the next such requests by hand.</summary>
    public void Answer(Func<SeenRequest, bool> which, Func<HttpContext, Task> answer, int times = 1)
    {
        lock (_gate)
            _faults.Add((which, answer, [times]));
    }

    /// <summary>Creates or changes an object, as somebody else would.</summary>
    /// <param name="path">Of the object: <c>/apis/example.io/v1/things/a</c>.</param>
    public JsonObject Put(string path, JsonObject it)
    {
        lock (_gate)
        {
            var old = _objects.GetValueOrDefault(path);
            it = (JsonObject)it.DeepClone();
            var metadata = it["metadata"] as JsonObject ?? [];
            it["metadata"] = metadata;
            metadata["name"] = path[(path.LastIndexOf('/') + 1)..];
            metadata["uid"] = old?["metadata"]!["uid"]!.GetValue<string>() ?? $"uid-{_version + 1}";
            metadata["resourceVersion"] = $"{++_version}";
            _objects[path] = it;
            Happened(path, old is null ? "ADDED" : "MODIFIED", it);
            return (JsonObject)it.DeepClone();
        }
    }

    public void Remove(string path)
    {
        lock (_gate)
        {
            if (!_objects.Remove(path, out var it))
                return;
            it["metadata"]!["resourceVersion"] = $"{++_version}";
            Happened(path, "DELETED", it);
        }
    }

    public JsonObject? Find(string path)
    {
        lock (_gate)
            return (JsonObject?)_objects.GetValueOrDefault(path)?.DeepClone();
    }

    public IReadOnlyList<JsonObject> All(string collection)
    {
        lock (_gate)
            return [.. _objects.Where(o => Collection(o.Key) == collection).Select(o => (JsonObject)o.Value.DeepClone())];
    }

    /// <summary>Forgets what happened until now: older resourceVersions and continue tokens are gone.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _forgotten = _version;
            _history.Clear();
        }
    }

    /// <summary>Sends a line to every watch, then ends them if asked to.</summary>
    /// <param name="line">As it is; null for none.</param>
    /// <param name="abort">The connection breaks; otherwise it ends well.</param>
    public void EndWatches(string? line = null, bool abort = false)
    {
        lock (_gate)
        {
            foreach (var watch in _watches)
            {
                if (line is not null)
                    watch.Lines.Writer.TryWrite(line);
                watch.Abort = abort;
                watch.Lines.Writer.TryComplete();
            }
        }
    }

    /// <summary>Something happens elsewhere, and every watch is told how far it is.</summary>
    public void Bookmark()
    {
        lock (_gate)
        {
            _version++;
            var line = Line(
                "BOOKMARK",
                new JsonObject
                {
                    ["kind"] = "Thing",
                    ["apiVersion"] = "example.io/v1",
                    ["metadata"] = new JsonObject { ["resourceVersion"] = $"{_version}" },
                }
            );
            foreach (var watch in _watches)
                watch.Lines.Writer.TryWrite(line);
        }
    }

    public async ValueTask DisposeAsync()
    {
        EndWatches();
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private static string Collection(string path) => path[..path.LastIndexOf('/')];

    private void Happened(string path, string type, JsonObject it)
    {
        var copy = (JsonObject)it.DeepClone();
        _history.Add((_version, Collection(path), type, copy));
        foreach (var watch in _watches.Where(w => w.Collection == Collection(path) && w.Matches(copy)))
            watch.Lines.Writer.TryWrite(Line(type, copy));
    }

    private static string Line(string type, JsonObject it) =>
        new JsonObject { ["type"] = type, ["object"] = it.DeepClone() }.ToJsonString() + "\n";

    private async Task HandleAsync(HttpContext context)
    {
        Interlocked.Increment(ref _answering);
        try
        {
            await AnswerAsync(context);
        }
        finally
        {
            Interlocked.Decrement(ref _answering);
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        using var reader = new StreamReader(request.Body);
        var seen = new SeenRequest(
            request.Method,
            request.Path.Value!,
            Uri.UnescapeDataString(request.QueryString.Value ?? ""),
            request.Protocol,
            request.Headers.Accept.ToString(),
            request.Headers.UserAgent.ToString(),
            request.Headers.Authorization.ToString(),
            request.ContentType ?? "",
            await reader.ReadToEndAsync(),
            context.Connection.ClientCertificate?.Subject
        );
        Func<HttpContext, Task>? fault;
        lock (_gate)
        {
            _requests.Add(seen);
            var at = _faults.FindIndex(f => f.Left[0] > 0 && f.Which(seen));
            fault = at < 0 ? null : _faults[at].Answer;
            if (at >= 0)
                _faults[at].Left[0]--;
        }

        if (Away)
            context.Abort();
        else if (fault is not null)
            await fault(context);
        else if (NotServed)
            await TextAsync(context, 404, "404 page not found\n");
        else
            await ServeAsync(context, seen);
    }

    private Task ServeAsync(HttpContext context, SeenRequest seen)
    {
        var path = seen.Path.EndsWith("/status", StringComparison.Ordinal) ? seen.Path[..^"/status".Length] : seen.Path;
        var isCollection = _plurals.Contains(path[(path.LastIndexOf('/') + 1)..]);
        return (seen.Method, isCollection) switch
        {
            ("GET", true) when seen.IsWatch => WatchAsync(context, path),
            ("GET", true) => ListAsync(context, path),
            ("GET", false) => Find(path) is { } it ? JsonAsync(context, 200, it) : NotFoundAsync(context, path),
            ("POST", true) => CreateAsync(context, path, seen),
            ("PUT", false) => ReplaceAsync(context, path, seen),
            ("PATCH", false) => PatchAsync(context, path, seen),
            ("DELETE", false) => DeleteAsync(context, path, seen),
            _ => TextAsync(context, 405, "405 method not allowed\n"),
        };
    }

    private Task CreateAsync(HttpContext context, string path, SeenRequest seen)
    {
        var it = (JsonObject)JsonNode.Parse(seen.Body)!;
        var name = it["metadata"]!["name"]!.GetValue<string>();
        lock (_gate)
        {
            return _objects.ContainsKey($"{path}/{name}")
                ? StatusAsync(context, 409, "AlreadyExists", $"\"{name}\" already exists", name)
                : JsonAsync(context, 201, Put($"{path}/{name}", it));
        }
    }

    private Task ReplaceAsync(HttpContext context, string path, SeenRequest seen)
    {
        var it = (JsonObject)JsonNode.Parse(seen.Body)!;
        lock (_gate)
        {
            if (Find(path) is not { } old)
                return NotFoundAsync(context, path);
            return
                it["metadata"]!["resourceVersion"] is { } version
                && version.GetValue<string>() != old["metadata"]!["resourceVersion"]!.GetValue<string>()
                ? StatusAsync(context, 409, "Conflict", "the object has been modified", path[(path.LastIndexOf('/') + 1)..])
                : JsonAsync(context, 200, Put(path, it));
        }
    }

    private Task PatchAsync(HttpContext context, string path, SeenRequest seen)
    {
        lock (_gate)
        {
            var old = Find(path);
            if (old is null && !seen.ContentType.StartsWith("application/apply-patch", StringComparison.Ordinal))
                return NotFoundAsync(context, path);
            if (seen.ContentType.StartsWith("application/json-patch", StringComparison.Ordinal))
                return JsonAsync(context, 200, Put(path, old!));
            var merged = old ?? [];
            Merge(merged, (JsonObject)JsonNode.Parse(seen.Body)!);
            return JsonAsync(context, 200, Put(path, merged));
        }
    }

    private Task DeleteAsync(HttpContext context, string path, SeenRequest seen)
    {
        lock (_gate)
        {
            if (Find(path) is not { } old)
                return NotFoundAsync(context, path);
            var wanted = JsonNode.Parse(seen.Body)?["preconditions"]?["uid"]?.GetValue<string>();
            if (wanted is not null && wanted != old["metadata"]!["uid"]!.GetValue<string>())
                return StatusAsync(context, 409, "Conflict", "the UID in the precondition does not match", "x");
            Remove(path);
            return JsonAsync(context, 200, new JsonObject { ["kind"] = "Status", ["status"] = "Success" });
        }
    }

    private static void Merge(JsonObject into, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
                into.Remove(name);
            else if (value is JsonObject map && into[name] is JsonObject old)
                Merge(old, map);
            else
                into[name] = value.DeepClone();
        }
    }

    private async Task ListAsync(HttpContext context, string path)
    {
        var query = context.Request.Query;
        var from = query["continue"].ToString() is { Length: > 0 } token ? token.Split('@') : ["", ""];
        JsonObject page;
        lock (_gate)
        {
            var version = from[1].Length > 0 ? long.Parse(from[1]) : _version;
            if (version < _forgotten)
            {
                page = [];
            }
            else
            {
                var name = query["fieldSelector"].ToString().Replace("metadata.name=", "", StringComparison.Ordinal);
                var rest = _objects
                    .Where(o =>
                        Collection(o.Key) == path
                        && string.CompareOrdinal(o.Key, from[0]) > 0
                        && (name.Length == 0 || o.Key.EndsWith("/" + name, StringComparison.Ordinal))
                    )
                    .ToList();
                var limit = query["limit"].ToString() is { Length: > 0 } l ? int.Parse(l) : int.MaxValue;
                var metadata = new JsonObject { ["resourceVersion"] = $"{version}" };
                if (rest.Count > limit)
                    metadata["continue"] = $"{rest[limit - 1].Key}@{version}";
                page = new JsonObject
                {
                    ["kind"] = "List",
                    ["apiVersion"] = "v1",
                    ["metadata"] = metadata,
                    ["items"] = new JsonArray([.. rest.Take(limit).Select(o => o.Value.DeepClone())]),
                };
            }
        }

        if (page.Count == 0)
            await StatusAsync(context, 410, "Expired", "The provided continue parameter is too old");
        else
            await JsonAsync(context, 200, page);
    }

    private async Task WatchAsync(HttpContext context, string path)
    {
        var name = context.Request.Query["fieldSelector"].ToString().Replace("metadata.name=", "", StringComparison.Ordinal);
        var from = long.Parse(context.Request.Query["resourceVersion"].ToString());
        var watch = new FakeWatch(path, name);
        bool gone;
        lock (_gate)
        {
            gone = from < _forgotten;
            foreach (var (_, _, type, it) in _history.Where(h => h.Version > from && h.Collection == path && watch.Matches(h.Object)))
                watch.Lines.Writer.TryWrite(Line(type, it));
            if (!gone)
                _watches.Add(watch);
        }

        if (gone)
        {
            await StatusAsync(context, 410, "Expired", $"too old resource version: {from} ({_forgotten})");
            return;
        }

        try
        {
            context.Response.ContentType = "application/json";
            context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
            await context.Response.StartAsync();
            await context.Response.Body.FlushAsync();
            await foreach (var line in watch.Lines.Reader.ReadAllAsync(context.RequestAborted))
            {
                await context.Response.WriteAsync(line, context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }

            if (watch.Abort)
                context.Abort();
        }
        catch (OperationCanceledException)
        {
            // The client left.
        }
        finally
        {
            lock (_gate)
                _watches.Remove(watch);
        }
    }

    public static Task StatusAsync(
        HttpContext context,
        int code,
        string reason,
        string message = "",
        string? name = null,
        int retryAfter = 0
    )
    {
        if (retryAfter > 0)
            context.Response.Headers.RetryAfter = $"{retryAfter}";
        var details = new JsonObject();
        if (name is not null)
            details["name"] = name;
        return JsonAsync(
            context,
            code,
            new JsonObject
            {
                ["kind"] = "Status",
                ["apiVersion"] = "v1",
                ["status"] = "Failure",
                ["code"] = code,
                ["reason"] = reason,
                ["message"] = message,
                ["details"] = details,
            }
        );
    }

    private static Task NotFoundAsync(HttpContext context, string path) =>
        StatusAsync(context, 404, "NotFound", $"\"{path[(path.LastIndexOf('/') + 1)..]}\" not found", path[(path.LastIndexOf('/') + 1)..]);

    public static Task JsonAsync(HttpContext context, int code, JsonNode body) =>
        BytesAsync(context, code, "application/json", Encoding.UTF8.GetBytes(body.ToJsonString()));

    public static Task TextAsync(HttpContext context, int code, string body) =>
        BytesAsync(context, code, "text/plain", Encoding.UTF8.GetBytes(body));

    private static async Task BytesAsync(HttpContext context, int code, string type, byte[] body)
    {
        (context.Response.StatusCode, context.Response.ContentType, context.Response.ContentLength) = (code, type, body.Length);
        await context.Response.Body.WriteAsync(body);
    }
}
