using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Serving;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>
/// Objects in the form in which kubectl's typed clients send them, well and badly made. That a real kubectl's are understood is for
/// <see cref="KubectlTests"/>.
/// </summary>
public sealed class ProtobufBodyTests : IAsyncLifetime
{
    private const string Rbac = "rbac.authorization.k8s.io/v1";
    private const string Namespaces = "/api/v1/namespaces";
    private const string NotDecoded = "Namespace in version \"v1\" cannot be handled as a Namespace: error decoding protobuf: ";
    private const string NotRecognized = "the object provided is unrecognized (must be of type Namespace): ";
    private const string NoMagic = NotRecognized + "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";

    private static readonly byte[] s_magic = "k8s\0"u8.ToArray();
    private static readonly ServedResource[] s_known = [.. BuiltInResources.All.Where(ProtobufBody.Knows)];

    private readonly SimulatedApiServer _server = new();
    private HttpClient? _client;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        _client = _server.CreateClient();
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_role_is_stored_with_every_field_that_it_has()
    {
        var metadata = Named("all").Message(11, Pair("team", "a")).Message(11, Pair("empty", "")).Message(12, Pair("note", "größer"));
        var rules = new ProtobufMessage()
            .Texts(1, new JsonArray("get", "list"))
            .Text(2, "")
            .Text(2, "example.io")
            .Text(3, "widgets")
            .Text(4, "w1");
        var selector = new ProtobufMessage().Message(1, new ProtobufMessage().Message(1, Pair("to", "all")));
        var role = new ProtobufMessage()
            .Message(1, metadata)
            .Message(2, rules)
            .Message(2, new ProtobufMessage().Text(1, "get").Text(5, "/metrics"))
            .Message(3, selector);
        Assert.Equal(201, (await PostAsync($"/apis/{Rbac}/clusterroles", Envelope(Rbac, "ClusterRole", role))).Code);
        var stored = _server.Objects.Get("clusterroles.rbac.authorization.k8s.io", "all")!;
        Assert.Equal("""{"team":"a","empty":""}""", stored["metadata"]!["labels"]!.ToJsonString());
        Assert.Equal("größer", stored["metadata"]!["annotations"]!["note"]!.ToString());
        Assert.Equal(
            """[{"verbs":["get","list"],"apiGroups":["","example.io"],"resources":["widgets"],"resourceNames":["w1"]},"""
                + """{"verbs":["get"],"nonResourceURLs":["/metrics"]}]""",
            stored["rules"]!.ToJsonString()
        );
        Assert.Equal("""{"clusterRoleSelectors":[{"matchLabels":{"to":"all"}}]}""", stored["aggregationRule"]!.ToJsonString());
    }

    [Fact]
    public async Task Fields_that_nobody_knows_are_passed_over_and_the_path_tells_the_kind_where_the_message_does_not()
    {
        var strange = new ProtobufMessage().Integer(7, 5).Double(99, 1.5).Text(200, "x").Text(2, "made-");
        byte[] fixed32 = [0x3d, 1, 2, 3, 4];
        var made = await PostAsync(
            Namespaces,
            [.. s_magic, .. new ProtobufMessage().Message(2, new ProtobufMessage().Message(1, strange)).ToArray(), .. fixed32]
        );
        Assert.Equal((201, "Namespace"), (made.Code, made.Text("kind")));
        Assert.StartsWith("made-", made.Text("metadata", "name"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reviews_are_answered_in_this_form_too()
    {
        const string authorization = "authorization.k8s.io/v1";
        var resource = new ProtobufMessage().Text(2, "get").Text(5, "pods");
        var review = new ProtobufMessage().Message(2, new ProtobufMessage().Message(1, resource).Text(3, "jane").Text(4, "team"));
        var answer = (
            await PostAsync($"/apis/{authorization}/subjectaccessreviews", Envelope(authorization, "SubjectAccessReview", review))
        ).Is(201);
        Assert.Equal(
            """{"resourceAttributes":{"verb":"get","resource":"pods"},"user":"jane","groups":["team"]}""",
            answer.Body["spec"]!.ToJsonString()
        );
        Assert.Equal("""{"allowed":true}""", answer.Body["status"]!.ToJsonString());
        var self = await PostAsync(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            Envelope("authentication.k8s.io/v1", "SelfSubjectReview", new ProtobufMessage())
        );
        Assert.Equal("kubernetes-admin", self.Is(201).Text("status", "userInfo", "username"));
    }

    [Fact]
    public async Task A_release_of_helm_is_stored_replaced_and_deleted_in_this_form()
    {
        const string secrets = "/api/v1/namespaces/default/secrets";
        ProtobufMessage Secret(string content) =>
            new ProtobufMessage()
                .Message(1, Named("r").Message(11, Pair("owner", "helm")))
                .Message(2, new ProtobufMessage().Text(1, "release").Text(2, content))
                .Text(3, "helm.sh/release.v1")
                .Integer(5, 0);
        (await PostAsync(secrets, Envelope("v1", "Secret", Secret("one")))).Is(201);
        (await SendAsync(HttpMethod.Put, secrets + "/r", Envelope("v1", "Secret", Secret("two")))).Is(200);
        var stored = _server.Objects.Get("secrets", "r", "default")!;
        Assert.Equal("""{"release":"dHdv"}""", stored["data"]!.ToJsonString());
        Assert.Equal(("helm.sh/release.v1", false), ((string)stored["type"]!, (bool)stored["immutable"]!));
        var another = new ProtobufMessage().Integer(1, 0).Message(2, new ProtobufMessage().Text(1, "another"));
        var refused = (await SendAsync(HttpMethod.Delete, secrets + "/r", Envelope("v1", "DeleteOptions", another))).Is(409);
        Assert.Contains("UID in precondition: another", refused.Message, StringComparison.Ordinal);
        (await SendAsync(HttpMethod.Delete, secrets + "/r", Envelope("v1", "DeleteOptions", new ProtobufMessage()))).Is(200);
        Assert.Empty(_server.Objects.List("secrets"));
    }

    [Fact]
    public async Task A_kind_whose_fields_are_not_known_is_refused()
    {
        var text = new ProtobufMessage().Message(1, Named("c"));
        var refused = (
            await PostAsync("/apis/coordination.k8s.io/v1/namespaces/default/leases", Envelope("coordination.k8s.io/v1", "Lease", text))
        ).Is(415);
        Assert.Equal(
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
            refused.Message
        );
        var plain = (await SendAsync(HttpMethod.Post, Namespaces, [], "text/plain")).Is(415);
        Assert.EndsWith("application/json, application/yaml, application/vnd.kubernetes.protobuf", plain.Message, StringComparison.Ordinal);
    }

    /// <param name="garbage">In hexadecimal digits.</param>
    [Theory]
    [InlineData("", NoMagic)]
    [InlineData("6b3873", NoMagic)]
    [InlineData("7b7d", NoMagic)]
    [InlineData("6b387300", NotRecognized + "empty body")]
    [InlineData("6b387300 12", NotDecoded + "unexpected end")]
    [InlineData("6b387300 12ff", NotDecoded + "unexpected end")]
    [InlineData("6b387300 1205 0a010a", NotDecoded + "unexpected end")]
    [InlineData("6b387300 1204 0a030a02", NotDecoded + "unexpected end")]
    [InlineData("6b387300 1202 0a05", NotDecoded + "unexpected end")]
    [InlineData("6b387300 12ffffffffffffffffff01 00", NotDecoded + "unexpected end")]
    [InlineData("6b387300 12ffffffffffffffffffff01", NotDecoded + "a number of more than 64 bits")]
    [InlineData("6b387300 0200", NotDecoded + "illegal field number 0")]
    [InlineData("6b387300 8280808010 00", NotDecoded + "illegal field number 536870912")]
    [InlineData("6b387300 13", NotDecoded + "field 2 has the illegal wire type 3")]
    [InlineData("6b387300 1001", NotDecoded + "field 2 has wire type 0 instead of 2")]
    [InlineData("6b387300 1202 0801", NotDecoded + "field 1 has wire type 0 instead of 2")]
    [InlineData("6b387300 1205 0a03 0a01ff", NotDecoded)]
    [InlineData("6b387300 0a06 1204526f6c65", "Namespace in version \"v1\" cannot be handled as a Role: no kind \"Role\" is served there")]
    [InlineData("6b387300 0a04 0a027632", "the API version in the data (v2) does not match the expected API version (v1)")]
    public async Task Garbage_is_refused_and_what_is_wrong_with_it_is_said(string garbage, string why)
    {
        var refused = (await PostAsync(Namespaces, Convert.FromHexString(garbage.Replace(" ", "", StringComparison.Ordinal)))).Is(400);
        Assert.Equal("BadRequest", refused.Reason);
        Assert.StartsWith(why, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_is_cut_anywhere_makes_nothing()
    {
        var whole = Envelope("v1", "Namespace", new ProtobufMessage().Message(1, Named("cut")));
        var nameless = Envelope("v1", "Namespace").Length; // complete, as far as it goes
        for (var length = 0; length < whole.Length; length++)
            (await PostAsync(Namespaces, whole[..length])).Is(length == nameless ? 422 : 400);
        Assert.Null(_server.Objects.Get("namespaces", "cut"));
        (await PostAsync(Namespaces, whole)).Is(201);
    }

    [Fact]
    public void Whatever_the_bytes_are_they_are_an_object_or_a_bad_request() =>
        Prop.ForAll(
                Bodies().ToArbitrary(),
                sent =>
                {
                    try
                    {
                        return ProtobufBody.Read(sent.Bytes, sent.Resource)["kind"]!.ToString() == sent.Resource.Kind;
                    }
                    catch (ApiStatusException e)
                    {
                        return e.Status.Code == 400;
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Fact]
    public async Task The_server_says_that_random_bytes_are_a_bad_request_and_never_that_it_failed()
    {
        var (random, badRequests) = (new Random(1), 0);
        foreach (var resource in s_known)
        {
            var path =
                (resource.Group.Length == 0 ? "/api/" : "/apis/")
                + resource.ApiVersion
                + (resource.Namespaced ? "/namespaces/default/" : "/")
                + resource.Plural;
            for (var run = 0; run < 50; run++)
            {
                var bytes = new byte[random.Next(64)];
                random.NextBytes(bytes);
                var answer = await PostAsync(path, [.. s_magic, .. bytes]);
                // Bytes that happen to be fields of other numbers leave an empty object: one without a name, or a review without a
                // question.
                var empty = resource.Verbs is ["create"] ? 201 : 422;
                Assert.True(
                    answer.Code == 400 || answer.Code == empty,
                    $"{path} {Convert.ToHexString(bytes)}: {answer.Code} {answer.Message}"
                );
                badRequests += answer.Code == 400 ? 1 : 0;
            }
        }

        Assert.InRange(badRequests, s_known.Length * 45, s_known.Length * 50);
    }

    /// <summary>Random bytes, or a message that was well made until a few bytes of it were changed.</summary>
    private static Gen<(ServedResource Resource, byte[] Bytes)> Bodies()
    {
        var bytes = Gen.Choose(0, 255).Select(b => (byte)b);
        var changes = Gen.Choose(0, 80).Zip(bytes).ArrayOf(3);
        return from resource in Gen.Elements(s_known)
            from random in bytes.ArrayOf()
            from change in changes
            from well in Gen.Elements(true, false)
            select (
                resource,
                well
                    ? Changed(
                        Envelope(
                            resource.ApiVersion,
                            resource.Kind,
                            new ProtobufMessage().Message(1, Named("x")).Message(2, Pair("a", "b"))
                        ),
                        change
                    )
                    : [.. s_magic, .. random]
            );
    }

    private static byte[] Changed(byte[] body, (int At, byte To)[] changes)
    {
        foreach (var (at, to) in changes)
            body[at % body.Length] = to;
        return body;
    }

    private static ProtobufMessage Named(string name) => new ProtobufMessage().Text(1, name).Text(2, "").Text(3, "");

    private static ProtobufMessage Pair(string key, string value) => new ProtobufMessage().Text(1, key).Text(2, value);

    private static byte[] Envelope(string apiVersion, string kind, ProtobufMessage? content = null)
    {
        var envelope = new ProtobufMessage().Message(1, Pair(apiVersion, kind));
        return [.. s_magic, .. (content is null ? envelope : envelope.Message(2, content)).ToArray()];
    }

    private Task<Answer> PostAsync(string path, byte[] body) => SendAsync(HttpMethod.Post, path, body);

    private async Task<Answer> SendAsync(HttpMethod method, string path, byte[] body, string type = ProtobufBody.MediaType)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var response = await _client!.SendAsync(request);
        return new Answer(
            (int)response.StatusCode,
            JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject(),
            response.Headers
        );
    }
}
