using System.Buffers;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Storage;

/// <summary>
/// An object at one revision: its JSON, never changed, and what is asked about it often enough to be read once. The text begins with kind,
/// apiVersion and metadata, so that lists of built-in kinds and metadata-only answers are cut out of it.
/// </summary>
internal sealed class StoredObject
{
    private static readonly JsonWriterOptions Text = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly int _typeEnd;
    private readonly int _metadataStart;
    private readonly int _metadataEnd;

    private StoredObject(JsonObject json, long revision, byte[] text, int typeEnd, int metadataStart, int metadataEnd)
    {
        var metadata = json["metadata"]!.AsObject();
        Revision = revision;
        Json = text;
        (_typeEnd, _metadataStart, _metadataEnd) = (typeEnd, metadataStart, metadataEnd);
        Name = metadata.Text("name");
        Namespace = metadata.Text("namespace");
        Uid = metadata.Text("uid");
        ApiVersion = json.Text("apiVersion");
        Labels = metadata["labels"] is JsonObject labels
            ? labels.ToFrozenDictionary(l => l.Key, l => l.Value is null ? "" : l.Value.ToString())
            : FrozenDictionary<string, string>.Empty;
        Owners = metadata["ownerReferences"] is JsonArray owners
            ? [.. owners.OfType<JsonObject>().Select(o => new Owner(o.Text("apiVersion"), o.Text("kind"), o.Text("name"), o.Text("uid")))]
            : [];
        IsDeleting = metadata["deletionTimestamp"] is not null;
        Fields = SelectableFields.Of(json, Namespace, Name);
    }

    public long Revision { get; }

    public string Namespace { get; }

    public string Name { get; }

    public string Uid { get; }

    /// <summary>The version that it was last written in.</summary>
    public string ApiVersion { get; }

    public FrozenDictionary<string, string> Labels { get; }

    /// <summary>What a field selector may ask for.</summary>
    public FrozenDictionary<string, string> Fields { get; }

    public ImmutableArray<Owner> Owners { get; }

    public bool IsDeleting { get; }

    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>The object without kind and apiVersion, but for its opening brace: how items stand in a list of a built-in kind.</summary>
    public ReadOnlyMemory<byte> JsonAfterType => Json[_typeEnd..];

    public ReadOnlyMemory<byte> Metadata => Json[_metadataStart.._metadataEnd];

    public string Key => KeyOf(Namespace, Name);

    /// <summary>Objects are listed in the order of their keys.</summary>
    public static string KeyOf(string ns, string name) => $"{ns}/{name}";

    /// <summary>Writes the revision into <c>metadata.resourceVersion</c> and keeps the text. <paramref name="json"/> must not be used
    /// afterwards.</summary>
    public static StoredObject Create(JsonObject json, long revision)
    {
        json["metadata"]!["resourceVersion"] = revision.ToString();
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var writer = new Utf8JsonWriter(buffer, Text);
        writer.WriteStartObject();
        writer.WriteString("kind", json.Text("kind"));
        writer.WriteString("apiVersion", json.Text("apiVersion"));
        writer.Flush();
        var typeEnd = buffer.WrittenCount + 1; // the comma
        writer.WritePropertyName("metadata");
        writer.Flush();
        var start = buffer.WrittenCount;
        json["metadata"]!.WriteTo(writer);
        writer.Flush();
        var end = buffer.WrittenCount;
        foreach (var (name, value) in json)
        {
            if (name is "kind" or "apiVersion" or "metadata")
                continue;
            writer.WritePropertyName(name);
            if (value is null)
                writer.WriteNullValue();
            else
                value.WriteTo(writer);
        }

        writer.WriteEndObject();
        writer.Flush();
        return new StoredObject(json, revision, buffer.WrittenSpan.ToArray(), typeEnd, start, end);
    }

    /// <summary>A tree of its own, for whoever asks.</summary>
    public JsonObject Parse() => JsonNode.Parse(Json.Span)!.AsObject();

    public override string ToString() => $"{Key}@{Revision}";
}

/// <summary>An owner that an object names.</summary>
internal sealed record Owner(string ApiVersion, string Kind, string Name, string Uid);
