using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// A Swagger document as gnostic's <c>openapi.v2.Document</c> (google/gnostic-models <c>openapiv2/OpenAPIv2.proto</c>; the numbers here are
/// its field numbers). Written is what <see cref="OpenApiV2"/> uses. Values of no fixed type are YAML text, and JSON is YAML.
/// </summary>
internal static class OpenApiV2Protobuf
{
    private static readonly string[] s_methods = ["get", "put", "post", "delete", "options", "head", "patch"];

    private static readonly (string Name, int Number)[] s_schemaTexts =
    [
        ("$ref", 1),
        ("format", 2),
        ("title", 3),
        ("description", 4),
        ("pattern", 13),
    ];

    private static readonly (string Name, int Number)[] s_schemaDoubles = [("multipleOf", 6), ("maximum", 7), ("minimum", 9)];

    private static readonly (string Name, int Number)[] s_schemaFlags =
    [
        ("exclusiveMaximum", 8),
        ("exclusiveMinimum", 10),
        ("uniqueItems", 16),
    ];

    private static readonly (string Name, int Number)[] s_schemaIntegers =
    [
        ("maxLength", 11),
        ("minLength", 12),
        ("maxItems", 14),
        ("minItems", 15),
        ("maxProperties", 17),
        ("minProperties", 18),
    ];

    public static byte[] Write(JsonObject document) =>
        new ProtobufMessage()
            .Text(1, document["swagger"])
            .Message(2, new ProtobufMessage().Text(1, document["info"]!["title"]).Text(2, document["info"]!["version"]))
            .Message(8, Named(2, document["paths"], PathItem))
            .Message(9, Named(1, document["definitions"], Schema))
            .ToArray();

    /// <summary>A map is a list of pairs: name 1, value 2.</summary>
    private static ProtobufMessage Named(int number, JsonNode? map, Func<JsonObject, ProtobufMessage> value)
    {
        var message = new ProtobufMessage();
        foreach (var (name, member) in map!.AsObject())
            message.Message(number, new ProtobufMessage().Text(1, name).Message(2, value(member!.AsObject())));
        return message;
    }

    private static ProtobufMessage PathItem(JsonObject json)
    {
        var message = new ProtobufMessage();
        for (var i = 0; i < s_methods.Length; i++)
        {
            if (json[s_methods[i]] is JsonObject operation)
                message.Message(i + 2, Operation(operation));
        }

        foreach (var parameter in json["parameters"]!.AsArray())
            message.Message(9, Parameter(parameter!.AsObject()));
        return message;
    }

    private static ProtobufMessage Operation(JsonObject json)
    {
        var message = new ProtobufMessage()
            .Text(3, json["description"])
            .Text(5, json["operationId"])
            .Texts(6, json["produces"])
            .Texts(7, json["consumes"]);
        foreach (var parameter in json["parameters"]!.AsArray())
            message.Message(8, Parameter(parameter!.AsObject()));
        message.Message(9, Named(1, json["responses"], response => new ProtobufMessage().Message(1, Response(response))));
        return Extensions(message, 13, json);
    }

    private static ProtobufMessage Response(JsonObject json) =>
        new ProtobufMessage().Text(1, json["description"]).Message(2, new ProtobufMessage().Message(1, Schema(json["schema"]!.AsObject())));

    /// <summary>A ParametersItem: of its Parameter a body, or of its NonBodyParameter a query or path parameter.</summary>
    private static ProtobufMessage Parameter(JsonObject json)
    {
        if (JsonType.Text(json["in"]) == "body")
        {
            var body = new ProtobufMessage()
                .Text(2, json["name"])
                .Text(3, json["in"])
                .Flag(4, json["required"])
                .Message(5, Schema(json["schema"]!.AsObject()));
            return new ProtobufMessage().Message(1, new ProtobufMessage().Message(1, body));
        }

        var isQuery = JsonType.Text(json["in"]) == "query";
        var parameter = new ProtobufMessage()
            .Flag(1, json["required"])
            .Text(2, json["in"])
            .Text(3, json["description"])
            .Text(4, json["name"])
            .Text(isQuery ? 6 : 5, json["type"])
            .Flag(isQuery ? 20 : 19, json["uniqueItems"]);
        return new ProtobufMessage().Message(
            1,
            new ProtobufMessage().Message(2, new ProtobufMessage().Message(isQuery ? 3 : 4, parameter))
        );
    }

    private static ProtobufMessage Schema(JsonObject json)
    {
        var message = new ProtobufMessage();
        foreach (var (name, number) in s_schemaTexts)
            message.Text(number, json[name]);
        foreach (var (name, number) in s_schemaDoubles)
            message.Double(number, json[name]);
        foreach (var (name, number) in s_schemaFlags)
            message.Flag(number, json[name]);
        foreach (var (name, number) in s_schemaIntegers)
            message.Integer(number, json[name]);
        if (json["default"] is { } value)
            message.Message(5, Any(value));
        message.Texts(19, json["required"]);
        foreach (var item in json["enum"] as JsonArray ?? [])
            message.Message(20, Any(item));
        if (json["additionalProperties"] is JsonObject additional)
            message.Message(21, new ProtobufMessage().Message(1, Schema(additional)));
        if (json["type"] is { } type)
            message.Message(22, new ProtobufMessage().Text(1, type));
        if (json["items"] is JsonObject items)
            message.Message(23, new ProtobufMessage().Message(1, Schema(items)));
        if (json["properties"] is JsonObject properties)
            message.Message(25, Named(1, properties, Schema));
        return Extensions(message, 31, json);
    }

    private static ProtobufMessage Extensions(ProtobufMessage message, int number, JsonObject json)
    {
        foreach (var (name, value) in json.Where(m => m.Key.StartsWith("x-", StringComparison.Ordinal)))
            message.Message(number, new ProtobufMessage().Text(1, name).Message(2, Any(value)));
        return message;
    }

    private static ProtobufMessage Any(JsonNode? value) => new ProtobufMessage().Text(2, value?.ToJsonString() ?? "null");
}
