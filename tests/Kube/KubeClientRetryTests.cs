using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Kube;

/// <summary>What is sent again, when, and what never is.</summary>
public sealed class KubeClientRetryTests : IAsyncLifetime
{
    private readonly FakeTime _time = new();
    private FakeApiServer _server = null!;
    private KubeClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        _client = Connection.To(_server, _time);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(429, "TooManyRequests")]
    [InlineData(503, "ServiceUnavailable")]
    public async Task A_request_that_came_too_early_waits_as_long_as_the_server_says(int code, string reason)
    {
        _server.Refuse(_ => true, code, reason, retryAfter: 7);
        var write = _client.MergePatchAsync(Thing.Kind, new ObjectKey("a"), Thing.Json("a", 2), new WriteOptions(), Token);
        await Waiting.UntilAsync(() => _server.Requests.Count == 1 && _time.Waiting == 2); // the request's own deadline, and the pause
        _time.Advance(TimeSpan.FromSeconds(6.9));
        await Task.Delay(20, Token);
        Assert.Single(_server.Requests);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(2, (await write).Spec!.Size);
    }

    [Theory]
    [InlineData(500, 1)]
    [InlineData(504, 1)]
    [InlineData(503, 0)]
    public async Task A_write_that_may_have_been_stored_is_not_sent_again(int code, int retryAfter)
    {
        _server.Refuse(_ => true, code, "InternalError", retryAfter: retryAfter);
        var e = await Assert.ThrowsAsync<KubeApiException>(() =>
            _client.MergePatchAsync(Thing.Kind, new ObjectKey("a"), Thing.Json("a", 2), new WriteOptions(), Token)
        );
        Assert.True(e.IsServerError);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task A_server_that_wants_much_time_is_not_waited_for()
    {
        _server.Refuse(_ => true, 429, "TooManyRequests", retryAfter: 31);
        var e = await Assert.ThrowsAsync<KubeApiException>(() => _client.GetAsync(Thing.Kind, new ObjectKey("a"), Token));
        Assert.Equal(31, e.Status.Details.RetryAfterSeconds);
    }

    [Fact]
    public async Task A_write_that_waits_asks_the_gate_again_before_it_is_sent_again()
    {
        var open = true;
        _server.Refuse(_ => true, 429, "TooManyRequests", retryAfter: 1);
        var gated = _client.Gated(_ => open ? ValueTask.CompletedTask : throw new InvalidOperationException("closed"));
        var write = gated.MergePatchAsync(Thing.Kind, new ObjectKey("a"), Thing.Json("a", 2), new WriteOptions(), Token);
        await Waiting.UntilAsync(() => _time.Waiting == 2);
        open = false;
        _time.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => write);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_given_up_in_time()
    {
        _server.Answer(_ => true, c => Task.Delay(Timeout.Infinite, c.RequestAborted));
        var get = _client.GetAsync(Thing.Kind, new ObjectKey("a"), Token);
        await Waiting.UntilAsync(() => _server.Requests.Count == 1);
        _time.Advance(TimeSpan.FromSeconds(30));
        var e = await Assert.ThrowsAsync<KubeTransportException>(() => get);
        Assert.Contains("within 30 s", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_away_is_named_with_what_was_asked()
    {
        var gone = Connection.Configuration(new Uri("http://127.0.0.1:1/"));
        using var client = new KubeClient(gone, "t/1", _time, new LogLines());
        var e = await Assert.ThrowsAsync<KubeTransportException>(() => client.GetAsync(Thing.Kind, new ObjectKey("a"), Token));
        Assert.StartsWith(
            "GET /apis/example.io/v1/things/a: http://127.0.0.1:1/ does not answer: Connection refused",
            e.Message,
            StringComparison.Ordinal
        );
    }
}
