using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// Reads an object in the protobuf form, in which kubectl's typed clients send it: magic bytes, then runtime.Unknown (apimachinery <c>pkg/runtime/generated.proto</c>) around
/// the object's own message. What comes out is the object as JSON has it; texts that are empty are left out, and fields that <see cref="ProtobufKinds"/> does not name.
/// </summary>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private const int TypeNumber = 1;
    private const int ContentNumber = 2;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly ImmutableArray<ProtobufField> s_type = [new ProtobufField.Text(1, "apiVersion"), new ProtobufField.Text(2, "kind")];
    private static readonly ImmutableArray<ProtobufField> s_mapEntry = [new ProtobufField.Text(1, "key"), new ProtobufField.Text(2, "value")];

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    public static bool Knows(ServedResource resource) => !ProtobufKinds.FieldsOf(resource).IsEmpty;

    /// <param name="resource">One that is known; gives kind and version where the message tells none.</param>
    /// <exception cref="ApiStatusException">400: the bytes are no such message, or one of another kind.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body, ServedResource resource)
    {
        if (!body.StartsWith(Magic)) throw Unrecognized(resource, $"provided data does not appear to be a protobuf message, expected prefix [{string.Join(' ', Magic.ToArray())}]");
        if (body.Length == Magic.Length) throw Unrecognized(resource, "empty body");
        var json = new JsonObject { ["kind"] = resource.Kind, ["apiVersion"] = resource.ApiVersion };
        try
        {
            ReadOnlySpan<byte> content = [];
            for (var envelope = new ProtobufFields(body[Magic.Length..]); envelope.Next();)
            {
                if (envelope.Number == TypeNumber) Fill(json, envelope.Bytes, s_type);
                if (envelope.Number == ContentNumber) content = envelope.Bytes;
            }

            ObjectChecks.Kind(resource, json);
            Fill(json, content, ProtobufKinds.FieldsOf(resource));
        }
        catch (Exception e) when (e is FormatException or DecoderFallbackException)
        {
            throw new ApiStatusException(ApiStatus.Undecodable(resource, $"error decoding protobuf: {e.Message}"));
        }

        return json;
    }

    private static JsonObject Fill(JsonObject json, ReadOnlySpan<byte> message, ImmutableArray<ProtobufField> known)
    {
        for (var fields = new ProtobufFields(message); fields.Next();)
        {
            foreach (var field in known)
            {
                if (field.Number == fields.Number) Set(json, field, fields.Bytes);
            }
        }

        return json;
    }

    /// <summary>A field that comes again adds to a list, a map or a message, and takes the place of a text.</summary>
    private static void Set(JsonObject json, ProtobufField field, ReadOnlySpan<byte> value)
    {
        switch (field)
        {
            case ProtobufField.Text when value.IsEmpty:
                break;
            case ProtobufField.Text:
                json[field.Name] = s_utf8.GetString(value);
                break;
            case ProtobufField.Texts:
                Array(json, field).Add(s_utf8.GetString(value));
                break;
            case ProtobufField.Map:
                var entry = Fill([], value, s_mapEntry);
                json.Ensure(field.Name)[entry.Text("key")] = entry.Text("value");
                break;
            case ProtobufField.Message message:
                Fill(json.Ensure(field.Name), value, message.Fields);
                break;
            case ProtobufField.Messages messages:
                Array(json, field).Add((JsonNode)Fill([], value, messages.Fields));
                break;
        }
    }

    private static JsonArray Array(JsonObject json, ProtobufField field)
    {
        if (json[field.Name] is JsonArray there) return there;
        var made = new JsonArray();
        json[field.Name] = made;
        return made;
    }

    private static ApiStatusException Unrecognized(ServedResource resource, string why) => new(ApiStatus.BadRequest($"the object provided is unrecognized (must be of type {resource.Kind}): {why}"));
}
