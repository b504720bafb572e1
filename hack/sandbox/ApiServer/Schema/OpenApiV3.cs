using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary><c>/openapi/v3</c>: one document for each group and version, and an index with their hashes.</summary>
public sealed class OpenApiV3(IEnumerable<ResourceDescription> resources)
{
    private readonly ImmutableDictionary<string, ImmutableArray<ResourceDescription>> _documents = resources
        .GroupBy(r => Path(r.Resource.Group, r.Resource.Version))
        .ToImmutableDictionary(g => g.Key, g => g.ToImmutableArray());

    /// <summary>The index; an address changes with its document, so that clients may keep what they have.</summary>
    public JsonObject Index() =>
        new()
        {
            ["paths"] = new JsonObject(
                _documents
                    .OrderBy(d => d.Key, StringComparer.Ordinal)
                    .Select(d =>
                        KeyValuePair.Create(
                            d.Key,
                            (JsonNode?)new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{d.Key}?hash={Hash(Document(d.Value))}" }
                        )
                    )
            ),
        };

    /// <summary>
    /// <c>/openapi/v3/apis/GROUP/VERSION</c>, or <c>/openapi/v3/api/v1</c> for the core group; null for what is not served.
    /// </summary>
    public JsonObject? Document(string group, string version) =>
        _documents.TryGetValue(Path(group, version), out var served) ? Document(served) : null;

    private static string Path(string group, string version) => group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";

    private static JsonObject Document(ImmutableArray<ResourceDescription> served)
    {
        var schemas = new JsonObject(OpenApiMeta.Schemas(Reference).Select(s => KeyValuePair.Create(s.Key, (JsonNode?)s.Value)));
        var paths = new JsonObject();
        foreach (var resource in served)
        {
            schemas[OpenApiNames.Of(resource.Resource)] = OpenApiSchema.Kind(resource, Reference, v2: false);
            schemas[OpenApiNames.Of(resource.Resource, resource.ListKind)] = OpenApiSchema.List(resource, Reference, v2: false);
            foreach (var operation in ApiOperation.Of(resource))
            {
                if (paths[operation.Path] is not JsonObject path)
                    paths[operation.Path] = path = PathItem(operation.Path);
                path[operation.Method] = Operation(resource, operation);
            }
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1" },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/components/schemas/{name}" };

    private static JsonObject PathItem(string path)
    {
        var names = ((string[])["namespace", "name"]).Where(name => path.Contains($"{{{name}}}", StringComparison.Ordinal));
        return new JsonObject
        {
            ["parameters"] = new JsonArray([
                .. names.Select(name =>
                    (JsonNode)
                        new JsonObject
                        {
                            ["name"] = name,
                            ["in"] = "path",
                            ["required"] = true,
                            ["schema"] = new JsonObject { ["type"] = JsonType.String, ["uniqueItems"] = true },
                        }
                ),
            ]),
        };
    }

    private static JsonObject Operation(ResourceDescription resource, ApiOperation operation)
    {
        var json = new JsonObject
        {
            ["description"] = operation.Description,
            ["operationId"] = operation.Id,
            ["parameters"] = new JsonArray([.. operation.Query.Select(Parameter)]),
        };
        if (!operation.Body.IsEmpty)
        {
            var body = operation.Action is "post" or "put"
                ? Reference(OpenApiNames.Of(resource.Resource))
                : new JsonObject { ["type"] = JsonType.Object };
            json["requestBody"] = new JsonObject { ["content"] = Content(operation.Body, body) };
        }

        json["responses"] = new JsonObject
        {
            ["200"] = new JsonObject { ["description"] = "OK", ["content"] = Content(["application/json"], Reference(operation.Answer)) },
        };
        json["x-kubernetes-action"] = operation.Action;
        json["x-kubernetes-group-version-kind"] = OpenApiNames.One(resource.Resource);
        return json;
    }

    private static JsonObject Content(ImmutableArray<string> mediaTypes, JsonObject schema) =>
        new(mediaTypes.Select(m => KeyValuePair.Create(m, (JsonNode?)new JsonObject { ["schema"] = schema.DeepClone() })));

    private static JsonNode Parameter(ApiParameter parameter) =>
        new JsonObject
        {
            ["name"] = parameter.Name,
            ["in"] = "query",
            ["description"] = parameter.Description,
            ["schema"] = new JsonObject { ["type"] = parameter.Type, ["uniqueItems"] = true },
        };

    private static string Hash(JsonNode document) => Convert.ToHexString(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(document)));
}
