using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>What the server says of itself: version, health, discovery, OpenAPI.</summary>
internal sealed class ServerDocuments(ResourceRegistry registry, string version)
{
    public Task AnswerAsync(ApiExchange exchange)
    {
        if (exchange.Request.Method is not ("GET" or "HEAD"))
            throw new ApiStatusException(ApiStatus.MethodNotAllowed);
        var path = exchange.Info.Path.TrimEnd('/');
        if (path is "/healthz" or "/livez" or "/readyz")
            return exchange.AnswerAsync(200, "ok"u8.ToArray(), "text/plain; charset=utf-8");
        if (path == "/version")
            return exchange.AnswerAsync(200, Version());
        var discovery = new Discovery(Descriptions);
        if (path is "/api" or "/apis" && Aggregated(exchange) is { } wanted)
        {
            return exchange.AnswerAsync(
                200,
                discovery.Aggregated(path == "/api", wanted),
                $"application/json;g=apidiscovery.k8s.io;v={wanted};as=APIGroupDiscoveryList"
            );
        }

        if (path == "/openapi/v2")
            return OpenApiV2Async(exchange);
        var document = path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
        {
            [] => Paths(),
            ["api"] => discovery.ApiVersions(),
            ["apis"] => discovery.Groups(),
            ["api", var v] => discovery.Resources("", v),
            ["apis", var group] => discovery.Group(group),
            ["apis", var group, var v] => discovery.Resources(group, v),
            ["openapi", "v3"] => new OpenApiV3(Descriptions).Index(),
            ["openapi", "v3", "api", var v] => new OpenApiV3(Descriptions).Document("", v),
            ["openapi", "v3", "apis", var group, var v] => new OpenApiV3(Descriptions).Document(group, v),
            _ => null,
        };
        return document is null ? throw new ApiStatusException(ApiStatus.NoSuchPath) : exchange.AnswerAsync(200, document);
    }

    private IEnumerable<ResourceDescription> Descriptions => registry.All.Select(r => r.Description);

    /// <summary>
    /// Older kubectl takes the protobuf form alone. Its media type has an @, which later ones replaced (kube-openapi <c>pkg/handler</c>).
    /// </summary>
    private Task OpenApiV2Async(ApiExchange exchange)
    {
        var document = new OpenApiV2(Descriptions);
        return Accepted
            .Types(exchange.Request)
            .Any(t => t.Type.StartsWith("application/com.github.proto-openapi.spec.v2", StringComparison.Ordinal))
            ? exchange.AnswerAsync(200, document.Protobuf(), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
            : exchange.AnswerAsync(200, document.Document());
    }

    private static string? Aggregated(ApiExchange exchange) =>
        Accepted
            .Types(exchange.Request)
            .Where(t =>
                t.Type == "application/json"
                && t.Parameters.GetValueOrDefault("as") == "APIGroupDiscoveryList"
                && t.Parameters.GetValueOrDefault("g") == "apidiscovery.k8s.io"
            )
            .Select(t => t.Parameters.GetValueOrDefault("v"))
            .FirstOrDefault(v => v is "v2" or "v2beta1");

    private JsonObject Paths() =>
        new()
        {
            ["paths"] = new JsonArray([
                .. registry.All.Select(r => r.Group.Length == 0 ? "/api/v1" : $"/apis/{r.ApiVersion}").Distinct().Select(p => (JsonNode)p),
            ]),
        };

    private JsonObject Version()
    {
        var parts = version.TrimStart('v').Split('.');
        return new JsonObject
        {
            ["major"] = parts[0],
            ["minor"] = parts[1],
            ["gitVersion"] = version,
            ["gitCommit"] = "simulated",
            ["gitTreeState"] = "clean",
            ["buildDate"] = "2025-01-01T00:00:00Z",
            ["goVersion"] = "none",
            ["compiler"] = "none",
            ["platform"] = "linux/amd64",
        };
    }
}
