using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Tests.Kube;
using Xunit;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// What answers in the API server's place, or a proxy before it, gets no further than an error of that request: pages of lists, streams of
/// watches, refusals.
/// </summary>
public sealed class HostileApiTests
{
    private const string Request = "GET /apis/example.io/v1/things";

    private static readonly JsonNode s_list = JsonNode.Parse(
        """
        {"apiVersion": "example.io/v1", "kind": "ThingList",
          "metadata": {"resourceVersion": "12", "continue": "more", "remainingItemCount": 3},
          "items": [
            {"apiVersion": "example.io/v1", "kind": "Thing", "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "generation": 2,
              "creationTimestamp": "2026-01-02T03:04:05Z", "labels": {"team": "x"}, "finalizers": ["f"],
              "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "q"}]}, "spec": {"size": 3}},
            {"metadata": {"name": "b"}, "spec": {"size": 4, "note": "brackets ]}[{"}}] }
        """
    )!;

    private static readonly JsonNode[] s_events =
    [
        JsonNode.Parse("""{"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "8"}, "spec": {"size": 3}}}""")!,
        JsonNode.Parse("""{"type": "BOOKMARK", "object": {"kind": "Thing", "metadata": {"resourceVersion": "9"}}}""")!,
        JsonNode.Parse("""{"type": "DELETED", "object": {"metadata": {"name": "a", "resourceVersion": "10"}, "spec": {"size": 3}}}""")!,
        JsonNode.Parse("""{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}""")!,
    ];

    private static readonly JsonNode s_refusal = JsonNode.Parse(
        """
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "Forbidden", "code": 403,
          "details": {"name": "a", "kind": "things", "retryAfterSeconds": 1,
            "causes": [{"reason": "FieldValueInvalid", "message": "m", "field": "f"}]}}
        """
    )!;

    [Fact]
    public void A_page_of_a_list_is_read_or_the_request_fails_with_its_name() =>
        HostileRun.Over(
            "pages of lists",
            seed =>
            {
                using var body = Body(seed, new HostileJson(seed).Of(s_list)?.ToJsonString() ?? "null");
                return Refused(() =>
                {
                    var page = new ListPageReader<Thing>(Thing.Kind, Request).ReadAsync(body, default).GetAwaiter().GetResult();
                    Assert.All(page.Unreadable, u => Assert.NotEmpty(u.Error));
                });
            }
        );

    [Fact]
    public void A_watch_is_read_or_the_request_fails_with_its_name() =>
        HostileRun.Over(
            "streams of watches",
            seed =>
            {
                var (json, changed) = (new HostileJson(seed), seed % s_events.Length);
                var lines = s_events.Select((e, i) => (i == changed ? json.Of(e) : e)?.ToJsonString() ?? "null");
                using var body = Body(seed, string.Concat(lines.Select(l => $"{l}\n")));
                return Refused(() =>
                {
                    foreach (var _ in new WatchReader<Thing>(Thing.Kind, Request).ReadAsync(body, default).ToBlockingEnumerable())
                        continue;
                });
            }
        );

    [Fact]
    public void A_refusal_is_read_whatever_it_is_and_its_words_are_bounded() =>
        HostileRun.Over(
            "refusals",
            seed =>
            {
                using var body = Body(seed, new HostileJson(seed).Of(s_refusal)?.ToJsonString() ?? "null");
                using var response = new HttpResponseMessage(System.Net.HttpStatusCode.Forbidden) { Content = new StreamContent(body) };
                var status = StatusReader.ReadAsync(response, default).GetAwaiter().GetResult();
                Assert.Equal(403, status.Code);
                return status.Reason != "Forbidden";
            }
        );

    [Fact]
    public void A_state_of_a_node_in_a_list_is_read_or_named() =>
        HostileRun.Over(
            "lists of node states",
            seed =>
            {
                var state = JsonNode.Parse(
                    """
                    {"metadata": {"name": "n", "uid": "u", "generation": 3},
                      "spec": {"projectedAt": "2026-01-02T03:04:05Z", "policies": []},
                      "status": {"observedGeneration": 3, "devices": [{"id": "0000:43:00.0", "class": "pci"}], "policies": []}}
                    """
                )!;
                var list = new JsonObject
                {
                    ["metadata"] = new JsonObject { ["resourceVersion"] = "1" },
                    ["items"] = new JsonArray(new HostileJson(seed).Of(state)),
                };
                using var body = Body(seed, list.ToJsonString());
                var unreadable = 0;
                var refused = Refused(() =>
                {
                    var page = new ListPageReader<NodeDeviceState>(HostdevKinds.NodeDeviceStates, Request)
                        .ReadAsync(body, default)
                        .GetAwaiter()
                        .GetResult();
                    unreadable = page.Unreadable.Length;
                });
                return refused || unreadable > 0;
            }
        );

    /// <summary>Now and then cut, with a byte that is another one, or with one too many; it comes in pieces of any size.</summary>
    private static MemoryStream Body(int seed, string text)
    {
        var (random, bytes) = (new Random(seed), Encoding.UTF8.GetBytes(text).ToList());
        var at = random.Next(bytes.Count);
        switch (random.Next(8))
        {
            case 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.Insert(at, (byte)random.Next(256));
                break;
        }

        return new Pieces([.. bytes], random);
    }

    /// <summary>Whether it is refused as what the client's callers expect: with words, and for this request.</summary>
    private static bool Refused(Action read)
    {
        try
        {
            read();
            return false;
        }
        catch (Exception e) when (e is KubeProtocolException or KubeApiException)
        {
            Assert.StartsWith(Request, e.Message, StringComparison.Ordinal);
            return true;
        }
        catch (IOException)
        {
            return true; // cut off
        }
    }

    private sealed class Pieces(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, random.Next(1, 600))]);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(Read(buffer.Span));
    }
}
