using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary><c>/openapi/v2</c>: one Swagger 2.0 document for all that is served.</summary>
public sealed class OpenApiV2(IEnumerable<ResourceDescription> resources)
{
    private readonly ImmutableArray<ResourceDescription> _resources = [.. resources];

    public JsonObject Document()
    {
        var definitions = new JsonObject(OpenApiMeta.Schemas(Reference).Select(s => KeyValuePair.Create(s.Key, (JsonNode?)s.Value)));
        var paths = new JsonObject();
        foreach (var resource in _resources)
        {
            definitions[OpenApiNames.Of(resource.Resource)] = OpenApiSchema.Kind(resource, Reference, v2: true);
            definitions[OpenApiNames.Of(resource.Resource, resource.ListKind)] = OpenApiSchema.List(resource, Reference, v2: true);
            foreach (var operation in ApiOperation.Of(resource))
            {
                if (paths[operation.Path] is not JsonObject path)
                    paths[operation.Path] = path = PathItem(operation.Path);
                path[operation.Method] = Operation(resource, operation);
            }
        }

        return new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1" },
            ["paths"] = paths,
            ["definitions"] = definitions,
        };
    }

    /// <summary>The same as protobuf, which every kubectl asks for.</summary>
    /// <remarks>
    /// Clients ask for <c>application/com.github.proto-openapi.spec.v2@v1.0+protobuf</c>, and are answered with a dot in place of the @:
    /// with it, Go's parser of media types refuses the answer.
    /// </remarks>
    public byte[] Protobuf() => OpenApiV2Protobuf.Write(Document());

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/definitions/{name}" };

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
                            ["type"] = JsonType.String,
                            ["uniqueItems"] = true,
                        }
                ),
            ]),
        };
    }

    private static JsonObject Operation(ResourceDescription resource, ApiOperation operation)
    {
        var parameters = operation
            .Query.Select(p =>
                (JsonNode)
                    new JsonObject
                    {
                        ["name"] = p.Name,
                        ["in"] = "query",
                        ["description"] = p.Description,
                        ["type"] = p.Type,
                        ["uniqueItems"] = true,
                    }
            )
            .ToList();
        if (!operation.Body.IsEmpty)
        {
            var body = operation.Action is "post" or "put"
                ? Reference(OpenApiNames.Of(resource.Resource))
                : new JsonObject { ["type"] = JsonType.Object };
            parameters.Insert(
                0,
                new JsonObject
                {
                    ["name"] = "body",
                    ["in"] = "body",
                    ["required"] = operation.Action != "delete",
                    ["schema"] = body,
                }
            );
        }

        return new JsonObject
        {
            ["description"] = operation.Description,
            ["operationId"] = operation.Id,
            ["consumes"] = new JsonArray([.. operation.Body.Select(b => (JsonNode)b)]),
            ["produces"] = new JsonArray("application/json"),
            ["parameters"] = new JsonArray([.. parameters]),
            ["responses"] = new JsonObject
            {
                ["200"] = new JsonObject { ["description"] = "OK", ["schema"] = Reference(operation.Answer) },
            },
            ["x-kubernetes-action"] = operation.Action,
            ["x-kubernetes-group-version-kind"] = OpenApiNames.One(resource.Resource),
        };
    }
}
