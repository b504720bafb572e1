using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>Whoever talks to the page's port, and says of themselves what they like.</summary>
internal sealed class Visitor(Uri address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false })
    {
        BaseAddress = new Uri(address, "/"),
    };

    private HttpResponseMessage? _last;

    /// <summary>Of the last answer.</summary>
    public string? SetCookie => Header("Set-Cookie");

    public string? Header(string name) => _last!.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    public async Task<(HttpStatusCode Status, string Words)> AskAsync(
        string path,
        string method = "GET",
        string? cookie = null,
        string? host = null,
        (string Name, string Value)? header = null
    )
    {
        using var request = Request(path, method, cookie);
        if (host is not null)
            request.Headers.Host = host;
        if (header is var (name, value))
            request.Headers.TryAddWithoutValidation(name, value);
        _last = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        return (_last.StatusCode, await _last.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Listens until what was told is enough.</summary>
    /// <param name="since">What was heard last; null for somebody new.</param>
    /// <returns>Whether it began with everything, what there is by key (null for what is gone), and what was heard last.</returns>
    public async Task<(bool IsWhole, Dictionary<string, JsonNode?> Entries, string? Revision)> HearAsync(
        string cookie,
        string? since,
        Func<Dictionary<string, JsonNode?>, bool> isEnough
    )
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var request = Request("/events", "GET", cookie);
        if (since is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", since);
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(patience.Token));
        var (entries, isWhole, revision) = (new Dictionary<string, JsonNode?>(StringComparer.Ordinal), false, since);
        while (await lines.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
                revision = line["id: ".Length..];
            if (!line.StartsWith("data: {", StringComparison.Ordinal))
                continue;
            var told = JsonNode.Parse(line["data: ".Length..])!;
            isWhole |= (bool)told["whole"]!;
            foreach (var (key, value) in told["entries"]!.AsObject())
                entries[key] = value?.DeepClone();
            if ((bool)told["last"]! && isEnough(entries))
                return (isWhole, entries, revision);
        }

        throw new EndOfStreamException("the page has ended");
    }

    public void Dispose()
    {
        _last?.Dispose();
        _http.Dispose();
    }

    private static HttpRequestMessage Request(string path, string method, string? cookie)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
        if (cookie is not null)
            request.Headers.TryAddWithoutValidation("Cookie", cookie);
        return request;
    }
}
