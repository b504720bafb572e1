using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>What came back.</summary>
internal sealed record Answer(int Code, JsonObject Body, HttpResponseHeaders Headers)
{
    public string Message => Body["message"]?.ToString() ?? "";

    public string Reason => Body["reason"]?.ToString() ?? "";

    public string Text(params string[] path) =>
        path.Aggregate((JsonNode?)Body, (at, step) => int.TryParse(step, out var i) && at is JsonArray ? at[i] : at?[step])?.ToString()
        ?? "";

    public Answer Is(int code)
    {
        Assert.True(Code == code, $"{Code} instead of {code}: {Body.ToJsonString()}");
        return this;
    }
}

/// <summary>A client that speaks plain HTTP to the server and knows nothing of its inside.</summary>
internal sealed class Peer(SimulatedApiServer server, string? token = null) : IDisposable
{
    public const string Widgets = "/apis/example.io/v1/widgets";

    private readonly HttpClient _client = server.CreateClient(token);

    public HttpClient Client => _client;

    /// <summary>A kind with every sort of list, established.</summary>
    public static async Task DefineWidgetsAsync(SimulatedApiServer server)
    {
        server.Objects.Create(
            JsonNode
                .Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "testdata", "apiserver", "widgets.json")))!
                .AsObject()
        );
        await server.SettleAsync();
    }

    public static JsonObject Widget(string name, string spec = "{}") =>
        JsonNode.Parse($$"""{"apiVersion":"example.io/v1","kind":"Widget","metadata":{"name":"{{name}}"},"spec":{{spec}}}""")!.AsObject();

    public async Task<Answer> SendAsync(
        HttpMethod method,
        string path,
        JsonNode? body = null,
        string type = "application/json",
        string? accept = null
    )
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await _client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Answer(
            (int)response.StatusCode,
            text.StartsWith('{') ? JsonNode.Parse(text)!.AsObject() : new JsonObject { ["message"] = text },
            response.Headers
        );
    }

    public Task<Answer> GetAsync(string path, string? accept = null) => SendAsync(HttpMethod.Get, path, accept: accept);

    public Task<Answer> CreateAsync(string path, JsonNode body) => SendAsync(HttpMethod.Post, path, body);

    public Task<Answer> ReplaceAsync(string path, JsonNode body) => SendAsync(HttpMethod.Put, path, body);

    public Task<Answer> MergeAsync(string path, string patch) =>
        SendAsync(HttpMethod.Patch, path, JsonNode.Parse(patch), "application/merge-patch+json");

    public Task<Answer> ApplyAsync(string path, JsonNode body, string manager, bool force = false) =>
        SendAsync(
            HttpMethod.Patch,
            $"{path}?fieldManager={manager}&force={(force ? "true" : "false")}",
            body,
            "application/apply-patch+yaml"
        );

    public Task<Answer> DeleteAsync(string path, string? options = null) =>
        SendAsync(HttpMethod.Delete, path, options is null ? null : JsonNode.Parse(options));

    /// <summary>Begins a watch; its headers have arrived.</summary>
    public async Task<WatchPeer> WatchAsync(string path, string? accept = null)
    {
        var request = new HttpRequestMessage(
            HttpMethod.Get,
            path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "watch=true"
        );
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return new WatchPeer(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    public void Dispose() => _client.Dispose();
}

/// <summary>One watch.</summary>
internal sealed class WatchPeer(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public HttpResponseMessage Response => response;

    /// <summary>The next event; null at the watch's end.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<JsonObject?> NextAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await reader.ReadLineAsync(limit.Token) is { } line ? JsonNode.Parse(line)!.AsObject() : null;
    }

    /// <summary>The next so many events, as <c>ADDED name</c>.</summary>
    public async Task<string[]> TakeAsync(int count)
    {
        var events = new List<string>();
        while (events.Count < count && await NextAsync() is { } next)
            events.Add($"{next["type"]} {next["object"]!["metadata"]?["name"]}");
        return [.. events];
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
