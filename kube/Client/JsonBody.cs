using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Hostdev.Kube.Client;

/// <summary>What a write sends: JSON as UTF-8.</summary>
public readonly record struct JsonBody(ReadOnlyMemory<byte> Utf8)
{
    public static JsonBody From(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
            node.WriteTo(writer);
        return new JsonBody(buffer.WrittenMemory);
    }

    public static JsonBody From<T>(T value, JsonTypeInfo<T> json) => new(JsonSerializer.SerializeToUtf8Bytes(value, json));

    public static implicit operator JsonBody(JsonNode node) => From(node);
}
