using System.Buffers;
using System.Text.Json;
using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Client;

/// <summary>Reads one object into the record of its kind.</summary>
internal static class ObjectReader
{
    /// <summary>Null when the record has no room for it: then its metadata is read alone, so that it can be named.</summary>
    /// <exception cref="KubeProtocolException">It has not even metadata.</exception>
    public static T? Read<T>(KubeKind<T> kind, ReadOnlySequence<byte> json, string request, out UnreadableObject? unreadable)
        where T : class, IKubeObject
    {
        unreadable = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            if (JsonSerializer.Deserialize(ref reader, kind.Json) is { } it)
                return it;
            throw new KubeProtocolException(request, $"null in place of an object of {kind.Resource}");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            unreadable = new UnreadableObject(ObjectKey.Of(Metadata(json, request)), e.Message);
            return null;
        }
    }

    public static PartialObjectMetadata Metadata(ReadOnlySequence<byte> json, string request)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            return JsonSerializer.Deserialize(ref reader, MetaJsonContext.Default.PartialObjectMetadata)
                ?? throw new KubeProtocolException(request, "null in place of an object");
        }
        catch (JsonException e)
        {
            throw new KubeProtocolException(request, $"an object without readable metadata: {e.Message}", e);
        }
    }
}
