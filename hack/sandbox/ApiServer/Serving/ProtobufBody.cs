using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// Reads an object in the protobuf form, in which typed clients of kubectl and helm send it: magic bytes, then runtime.Unknown
/// (apimachinery <c>pkg/runtime/generated.proto</c>) around the object's own message. What comes out is the object as JSON has it; texts
/// that are empty are left out, and fields that <see cref="ProtobufKinds"/> does not name.
/// </summary>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private const int TypeNumber = 1;
    private const int ContentNumber = 2;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly ImmutableArray<ProtobufField> s_type =
    [
        new ProtobufField.Text(1, "apiVersion"),
        new ProtobufField.Text(2, "kind"),
    ];
    private static readonly ImmutableArray<ProtobufField> s_mapEntry =
    [
        new ProtobufField.Text(1, "key"),
        new ProtobufField.Text(2, "value"),
    ];

    private static readonly ImmutableArray<ProtobufField> s_either =
    [
        new ProtobufField.Integer(1, "type"),
        new ProtobufField.Integer(2, "number"),
        new ProtobufField.Text(3, "text"),
    ];

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    public static bool Knows(ServedResource resource) => !ProtobufKinds.FieldsOf(resource).IsEmpty;

    /// <param name="resource">One that is known; gives kind and version where the message tells none.</param>
    /// <exception cref="ApiStatusException">400: the bytes are no such message, or one of another kind.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body, ServedResource resource)
    {
        if (!body.StartsWith(Magic))
            throw Unrecognized(
                resource,
                $"provided data does not appear to be a protobuf message, expected prefix [{string.Join(' ', Magic.ToArray())}]"
            );
        if (body.Length == Magic.Length)
            throw Unrecognized(resource, "empty body");
        var json = new JsonObject { ["kind"] = resource.Kind, ["apiVersion"] = resource.ApiVersion };
        try
        {
            var content = Open(body[Magic.Length..], json);
            // Every group has options of its own, which are the same.
            if (resource != ProtobufKinds.DeleteOptions)
                ObjectChecks.Kind(resource, json);
            Fill(json, content, ProtobufKinds.FieldsOf(resource));
        }
        catch (Exception e) when (e is FormatException or DecoderFallbackException)
        {
            throw new ApiStatusException(ApiStatus.Undecodable(resource, $"error decoding protobuf: {e.Message}"));
        }

        return json;
    }

    /// <summary>What lies in the envelope; its type goes to the object.</summary>
    private static ReadOnlySpan<byte> Open(ReadOnlySpan<byte> envelope, JsonObject json)
    {
        ReadOnlySpan<byte> content = [];
        for (var fields = new ProtobufFields(envelope); fields.Next(); )
        {
            if (fields.Number == TypeNumber)
                Fill(json, fields.Bytes, s_type);
            if (fields.Number == ContentNumber)
                content = fields.Bytes;
        }

        return content;
    }

    private static JsonObject Fill(JsonObject json, ReadOnlySpan<byte> message, ImmutableArray<ProtobufField> known)
    {
        for (var fields = new ProtobufFields(message); fields.Next(); )
        {
            foreach (var field in known)
            {
                if (field.Number == fields.Number)
                    Set(json, field, fields);
            }
        }

        return json;
    }

    /// <summary>A field that comes again adds to a list, a map or a message, and takes the place of a text.</summary>
    private static void Set(JsonObject json, ProtobufField field, ProtobufFields at)
    {
        switch (field)
        {
            case ProtobufField.Text when at.Bytes.IsEmpty:
            case ProtobufField.Integer when at.Integer == 0:
            case ProtobufField.Flag { MayBeMissing: false } when at.Integer == 0:
                break;
            case ProtobufField.Text:
                json[field.Name] = s_utf8.GetString(at.Bytes);
                break;
            case ProtobufField.Texts:
                Array(json, field).Add(s_utf8.GetString(at.Bytes));
                break;
            case ProtobufField.Optional or ProtobufField.Integer:
                json[field.Name] = at.Integer;
                break;
            case ProtobufField.Flag:
                json[field.Name] = at.Integer != 0;
                break;
            case ProtobufField.Map:
                var entry = Fill([], at.Bytes, s_mapEntry);
                json.Ensure(field.Name)[entry.Text("key")] = entry.Text("value");
                break;
            case ProtobufField.BytesMap:
                var (key, content) = BytesEntry(at.Bytes);
                json.Ensure(field.Name)[key] = Convert.ToBase64String(content);
                break;
            case ProtobufField.IntegerOrText:
                var either = Fill([], at.Bytes, s_either);
                json[field.Name] = either["type"] is null ? either["number"]?.DeepClone() ?? 0 : either.Text("text");
                break;
            case ProtobufField.Message message:
                Fill(json.Ensure(field.Name), at.Bytes, message.Fields);
                break;
            case ProtobufField.Messages messages:
                Array(json, field).Add((JsonNode)Fill([], at.Bytes, messages.Fields));
                break;
        }
    }

    private static (string Key, byte[] Content) BytesEntry(ReadOnlySpan<byte> message)
    {
        var (key, content) = ("", System.Array.Empty<byte>());
        for (var fields = new ProtobufFields(message); fields.Next(); )
        {
            if (fields.Number == 1)
                key = s_utf8.GetString(fields.Bytes);
            if (fields.Number == 2)
                content = fields.Bytes.ToArray();
        }

        return (key, content);
    }

    private static JsonArray Array(JsonObject json, ProtobufField field)
    {
        if (json[field.Name] is JsonArray there)
            return there;
        var made = new JsonArray();
        json[field.Name] = made;
        return made;
    }

    private static ApiStatusException Unrecognized(ServedResource resource, string why) =>
        new(ApiStatus.BadRequest($"the object provided is unrecognized (must be of type {resource.Kind}): {why}"));
}
