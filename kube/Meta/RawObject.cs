using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Hostdev.Kube.Meta;

/// <summary>An object of any kind, word for word as the API server sent it: for whoever passes it on.</summary>
public sealed record RawObject(JsonObject Json, ObjectMeta Metadata) : IKubeObject
{
    private static readonly JsonTypeInfo<RawObject> s_json = JsonMetadataServices.CreateValueInfo<RawObject>(
        new JsonSerializerOptions { TypeInfoResolver = MetaJsonContext.Default },
        new Converter()
    );

    /// <summary>Any kind as it is. An object of a list does not say its kind.</summary>
    public static KubeKind<RawObject> Of(KubeResource resource) => new(resource, s_json);

    private sealed class Converter : JsonConverter<RawObject>
    {
        public override RawObject Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var json = JsonNode.Parse(ref reader) as JsonObject ?? throw new JsonException("it is no object");
            return new RawObject(json, json.Deserialize(MetaJsonContext.Default.PartialObjectMetadata)!.Metadata);
        }

        public override void Write(Utf8JsonWriter writer, RawObject value, JsonSerializerOptions options) => value.Json.WriteTo(writer);
    }
}
