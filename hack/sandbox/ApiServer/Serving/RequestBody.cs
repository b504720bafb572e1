using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>Reads what a client sends.</summary>
internal static class RequestBody
{
    private const int MostBytes = 3 * 1024 * 1024; // apiserver MaxRequestBodyBytes
    private const string TextTypes = "application/json, application/yaml";

    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 128 };

    public static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > MostBytes)
            throw TooLarge();
        using var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        while (await request.Body.ReadAsync(chunk, cancellationToken) is var read && read > 0)
        {
            if (buffer.Length + read > MostBytes)
                throw TooLarge();
            buffer.Write(chunk, 0, read);
        }

        return buffer.ToArray();
    }

    /// <summary>What the body is written in, without parameters; null when the client does not say.</summary>
    public static string? MediaType(HttpRequest request) => request.ContentType?.Split(';')[0].Trim();

    /// <summary>
    /// The object that a request brings: in JSON, in YAML, or in the protobuf form where <see cref="ProtobufKinds"/> has its kind.
    /// </summary>
    public static JsonObject Read(ReadOnlySpan<byte> body, string? mediaType, ServedResource resource) =>
        mediaType switch
        {
            null or "application/json" or "application/yaml" => Object(Encoding.UTF8.GetString(body), mediaType),
            ProtobufBody.MediaType when ProtobufBody.Knows(resource) => ProtobufBody.Read(body, resource),
            _ => throw new ApiStatusException(ApiStatus.UnsupportedMediaType(Accepted(resource))),
        };

    private static string Accepted(ServedResource resource) =>
        ProtobufBody.Knows(resource) ? $"{TextTypes}, {ProtobufBody.MediaType}" : TextTypes;

    /// <summary>An object, in JSON or in YAML.</summary>
    public static JsonObject Object(string text, string? contentType) =>
        Node(text, contentType) as JsonObject ?? throw Bad("the object provided is unrecognized (must be of type Object)");

    public static JsonNode? Node(string text, string? contentType)
    {
        if (contentType?.Contains("yaml", StringComparison.Ordinal) == true && !text.AsSpan().TrimStart().StartsWith("{"))
        {
            return YamlJson.Parse(text, out var wrong) is { } yaml ? yaml : throw Bad($"error decoding YAML: {wrong}");
        }

        try
        {
            return JsonNode.Parse(text, documentOptions: s_options);
        }
        catch (JsonException e)
        {
            throw Bad($"error decoding JSON: {e.Message}");
        }
    }

    private static ApiStatusException Bad(string message) => new(ApiStatus.BadRequest(message));

    private static ApiStatusException TooLarge() =>
        new(new ApiStatus(413, "RequestEntityTooLarge", $"Request entity too large: limit is {MostBytes}"));
}
