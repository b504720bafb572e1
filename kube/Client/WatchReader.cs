using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Client;

/// <summary>Reads the stream of a watch: one JSON object on each line, with a type and an object (<c>metav1.WatchEvent</c>).</summary>
internal sealed class WatchReader<T>(KubeKind<T> kind, string request)
    where T : class, IKubeObject
{
    private const int LongestLine = 16 << 20;

    /// <summary>Ends when the server ends the stream between two lines, and after <see cref="WatchEvent{T}.Expired"/>.</summary>
    /// <exception cref="IOException">The stream ended in the middle of a line.</exception>
    public async IAsyncEnumerable<WatchEvent<T>> ReadAsync(Stream body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 16 << 10, leaveOpen: true));
        try
        {
            while (true)
            {
                var read = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
                var rest = read.Buffer;
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    var line = rest.Slice(0, end);
                    rest = rest.Slice(rest.GetPosition(1, end));
                    if (line.IsEmpty)
                        continue;
                    var said = Parse(line);
                    yield return said;
                    if (said is WatchEvent<T>.Expired)
                        yield break;
                }

                if (rest.Length > LongestLine)
                    throw new KubeProtocolException(request, $"a line of more than {LongestLine >> 20} MiB");
                // The API server ends every line; what is left without an end was cut.
                if (read.IsCompleted && !rest.IsEmpty)
                    throw new IOException("the stream ended in the middle of an event");
                if (read.IsCompleted)
                    yield break;
                pipe.AdvanceTo(rest.Start, rest.End);
            }
        }
        finally
        {
            await pipe.CompleteAsync().ConfigureAwait(false);
        }
    }

    private WatchEvent<T> Parse(ReadOnlySequence<byte> line)
    {
        var (type, value) = Split(line);
        return type switch
        {
            "BOOKMARK" => new WatchEvent<T>.Bookmark(
                ObjectReader.Metadata(value, request).Metadata.ResourceVersion
                    ?? throw new KubeProtocolException(request, "a bookmark without resourceVersion")
            ),
            "ERROR" => Error(value),
            "ADDED" or "MODIFIED" or "DELETED" => Change(type, value),
            _ => throw new KubeProtocolException(request, $"an event of the unknown type \"{type}\""),
        };
    }

    private WatchEvent<T> Change(string type, ReadOnlySequence<byte> value)
    {
        if (ObjectReader.Read(kind, value, request, out var unreadable) is not { } it)
        {
            var metadata = ObjectReader.Metadata(value, request).Metadata;
            return new WatchEvent<T>.Unreadable(unreadable!, type == "DELETED", metadata.ResourceVersion ?? "");
        }

        return type switch
        {
            "ADDED" => new WatchEvent<T>.Added(it),
            "MODIFIED" => new WatchEvent<T>.Modified(it),
            _ => new WatchEvent<T>.Deleted(it),
        };
    }

    private WatchEvent<T>.Expired Error(ReadOnlySequence<byte> value)
    {
        var error = new KubeApiException(
            request,
            StatusReader.Parse(value.ToArray()) ?? new KubeStatus { Code = 500, Message = "the watch failed without saying why" }
        );
        return error.IsGone ? new WatchEvent<T>.Expired(error.Status.Message) : throw error;
    }

    private (string Type, ReadOnlySequence<byte> Object) Split(ReadOnlySequence<byte> line)
    {
        var (type, value) = ((string?)null, default(ReadOnlySequence<byte>));
        try
        {
            var reader = new Utf8JsonReader(line);
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isType = reader.ValueTextEquals("type"u8);
                var isObject = reader.ValueTextEquals("object"u8);
                reader.Read();
                var start = reader.TokenStartIndex;
                if (isType)
                    type = reader.GetString();
                reader.Skip();
                if (isObject)
                    value = line.Slice(start, reader.BytesConsumed - start);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new KubeProtocolException(request, $"a line that is no watch event: {e.Message}", e);
        }

        return type is null || value.IsEmpty ? throw new KubeProtocolException(request, "a line that is no watch event") : (type, value);
    }
}
