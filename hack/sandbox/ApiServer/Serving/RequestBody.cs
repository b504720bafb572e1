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

    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 128 };

    public static async Task<string> TextAsync(HttpRequest request, CancellationToken cancellationToken) => Encoding.UTF8.GetString((await BytesAsync(request, cancellationToken)).Span);

    public static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > MostBytes) throw TooLarge();
        using var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        while (await request.Body.ReadAsync(chunk, cancellationToken) is var read && read > 0)
        {
            if (buffer.Length + read > MostBytes) throw TooLarge();
            buffer.Write(chunk, 0, read);
        }

        return buffer.ToArray();
    }

    /// <summary>An object, in JSON or in YAML.</summary>
    public static JsonObject Object(string text, string? contentType) => Node(text, contentType) as JsonObject ?? throw Bad("the object provided is unrecognized (must be of type Object)");

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

    private static ApiStatusException TooLarge() => new(new ApiStatus(413, "RequestEntityTooLarge", $"Request entity too large: limit is {MostBytes}"));
}
