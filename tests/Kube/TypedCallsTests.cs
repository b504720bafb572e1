using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using k8s;
using k8s.Models;
using Xunit;

namespace Hostdev.Tests.Kube;

/// <summary>KubernetesClient's own calls and models, as we send and read them.</summary>
public sealed class TypedCallsTests : IAsyncLifetime
{
    private const string Path = "/apis/coordination.k8s.io/v1/namespaces/hostdev/leases/operator";

    private readonly FakeTime _time = new();
    private readonly List<(string Verb, string Resource, int Code)> _seen = [];
    private FakeApiServer _server = null!;
    private KubeClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = Connection.To(_server, _time, options: new KubeClientOptions { Observe = o => _seen.Add((o.Verb, o.Resource, o.Code)) });
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_write_asks_the_gate_and_goes_nowhere_while_it_is_closed()
    {
        _server.Put(Path, Stored());
        var gated = _client.Gated(_ => throw new InvalidOperationException("closed"));
        var it = await ReadAsync(gated);
        var patch = new V1Patch("{}", V1Patch.PatchType.MergePatch);
        await RefusedAsync(gated.Calls.CoordinationV1.ReplaceNamespacedLeaseAsync(it, "operator", "hostdev", cancellationToken: Token));
        await RefusedAsync(gated.Calls.CoordinationV1.CreateNamespacedLeaseAsync(it, "hostdev", cancellationToken: Token));
        await RefusedAsync(gated.Calls.CoreV1.PatchNamespacedEventAsync(patch, "e", "hostdev", cancellationToken: Token));
        await RefusedAsync(gated.Calls.CoordinationV1.DeleteNamespacedLeaseAsync("operator", "hostdev", cancellationToken: Token));
        Assert.Equal($"GET {Path}", Assert.Single(_server.Requests).ToString());

        static Task RefusedAsync(Task write) => Assert.ThrowsAsync<InvalidOperationException>(() => write);
    }

    [Fact]
    public async Task Requests_say_what_they_are_and_metrics_call_them_as_RBAC_does()
    {
        _server.Put(Path, Stored());
        var it = await ReadAsync(_client);
        it.Spec.RenewTime = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        it.Spec.HolderIdentity = "b";
        var leases = _client.Calls.CoordinationV1;
        await leases.ReplaceNamespacedLeaseAsync(it, "operator", "hostdev", fieldValidation: "Strict", cancellationToken: Token);
        var metadata = new V1ObjectMeta { Name = "e", NamespaceProperty = "vms" };
        var said = new Corev1Event
        {
            ApiVersion = "v1",
            Kind = "Event",
            Metadata = metadata,
            Message = "first",
        };
        await _client.Calls.CoreV1.CreateNamespacedEventAsync(said, "vms", cancellationToken: Token);
        var patch = new V1Patch("""{"message":"then"}""", V1Patch.PatchType.MergePatch);
        Assert.Equal("then", (await _client.Calls.CoreV1.PatchNamespacedEventAsync(patch, "e", "vms", cancellationToken: Token)).Message);
        Assert.Equal(
            [
                $"GET {Path} ",
                $"PUT {Path}?fieldValidation=Strict application/json",
                "POST /api/v1/namespaces/vms/events application/json",
                "PATCH /api/v1/namespaces/vms/events/e application/merge-patch+json",
            ],
            _server.Requests.Select(r => $"{r} {r.ContentType}")
        );
        const string Lease = "leases.coordination.k8s.io";
        const string Event = "events";
        Assert.Equal([("get", Lease, 200), ("update", Lease, 200), ("create", Event, 201), ("patch", Event, 200)], _seen);
        Assert.Equal(
            """{"holderIdentity":"b","leaseDurationSeconds":15,"renewTime":"2026-01-02T03:04:05.000000Z"}""",
            _server.Find(Path)!["spec"]!.ToJsonString()
        );
    }

    [Fact]
    public async Task A_refusal_is_ours_and_a_write_that_came_too_early_is_sent_again()
    {
        var absent = await Assert.ThrowsAsync<KubeApiException>(() => ReadAsync(_client));
        Assert.True(absent.IsNotFound);
        Assert.StartsWith($"GET {Path}: 404 NotFound", absent.Message, StringComparison.Ordinal);
        var metadata = new V1ObjectMeta { Name = "operator" };
        var lease = new V1Lease
        {
            ApiVersion = "coordination.k8s.io/v1",
            Kind = "Lease",
            Metadata = metadata,
        };
        _server.Refuse(_ => true, 429, "TooManyRequests", retryAfter: 7);
        var write = _client.Calls.CoordinationV1.CreateNamespacedLeaseAsync(lease, "hostdev", cancellationToken: Token);
        await Waiting.UntilAsync(() => _server.Requests.Count == 2 && _time.Waiting == 2); // the request's own deadline, and the pause
        _time.Advance(TimeSpan.FromSeconds(7.1));
        Assert.Equal("operator", (await write).Metadata.Name);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_given_up_by_our_clock()
    {
        _server.Answer(_ => true, c => Task.Delay(Timeout.Infinite, c.RequestAborted));
        var read = ReadAsync(_client);
        await Waiting.UntilAsync(() => _server.Requests.Count == 1);
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Contains("within 30 s", (await Assert.ThrowsAsync<KubeTransportException>(() => read)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_no_Lease_is_named_and_a_model_that_we_do_not_carry_too()
    {
        _server.Put(Path, new JsonObject { ["spec"] = new JsonObject { ["leaseDurationSeconds"] = "long" } });
        var e = await Assert.ThrowsAsync<KubeProtocolException>(() => ReadAsync(_client));
        Assert.StartsWith($"GET {Path}: the answer cannot be read as V1Lease: ", e.Message, StringComparison.Ordinal);
        Assert.Contains("$.spec.leaseDurationSeconds", e.Message, StringComparison.Ordinal);
        var core = _client.Calls.CoreV1;
        var secret = await Assert.ThrowsAsync<NotSupportedException>(() =>
            core.CreateNamespacedSecretAsync(new V1Secret(), "hostdev", cancellationToken: Token)
        );
        var list = await Assert.ThrowsAsync<NotSupportedException>(() => core.ListNodeAsync(cancellationToken: Token));
        Assert.Contains("item by item", list.Message, StringComparison.Ordinal);
        Assert.Contains("V1Secret", secret.Message, StringComparison.Ordinal);
        Assert.Single(_server.Requests);
    }

    private static JsonObject Stored() =>
        new()
        {
            ["apiVersion"] = "coordination.k8s.io/v1",
            ["kind"] = "Lease",
            ["spec"] = new JsonObject { ["holderIdentity"] = "a", ["leaseDurationSeconds"] = 15 },
        };

    private static Task<V1Lease> ReadAsync(KubeClient client) =>
        client.Calls.CoordinationV1.ReadNamespacedLeaseAsync("operator", "hostdev", cancellationToken: Token);
}
