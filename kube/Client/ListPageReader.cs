using System.Buffers;
using System.Collections.Immutable;
using System.IO.Pipelines;
using System.Text.Json;
using Hostdev.Kube.Meta;
using k8s.Models;

namespace Hostdev.Kube.Client;

/// <summary>
/// Reads a page of a list as it comes in, item by item: at no time is more of it in memory than one item as text and what the record keeps
/// of the others.
/// </summary>
internal sealed class ListPageReader<T>(KubeKind<T> kind, string request)
    where T : class, IKubeObject
{
    private const int BufferBytes = 64 << 10;

    private readonly ImmutableArray<T>.Builder _items = ImmutableArray.CreateBuilder<T>();
    private readonly ImmutableArray<UnreadableObject>.Builder _unreadable = ImmutableArray.CreateBuilder<UnreadableObject>();
    private V1ListMeta? _meta;
    private Place _place;

    private enum Place
    {
        Start,
        Field,
        Items,
        Item,
        Metadata,
        Other,
        End,
    }

    public async Task<ListPage<T>> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(
            body,
            new StreamPipeReaderOptions(bufferSize: BufferBytes, minimumReadSize: BufferBytes / 4, leaveOpen: true)
        );
        var state = default(JsonReaderState);
        try
        {
            while (_place != Place.End)
            {
                var read = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
                var consumed = Consume(read.Buffer, ref state);
                pipe.AdvanceTo(consumed, read.Buffer.End);
                if (read.IsCompleted && _place != Place.End)
                    throw new IOException("the answer ended in the middle");
            }
        }
        catch (JsonException e)
        {
            throw new KubeProtocolException(request, $"the answer is no list of {kind.Resource}: {e.Message}", e);
        }
        finally
        {
            await pipe.CompleteAsync().ConfigureAwait(false);
        }

        return new ListPage<T>(
            _meta ?? throw new KubeProtocolException(request, "the answer has no metadata: it is no list"),
            _items.ToImmutable(),
            _unreadable.ToImmutable()
        );
    }

    /// <summary>Reads as far as whole values are there.</summary>
    private SequencePosition Consume(ReadOnlySequence<byte> buffer, ref JsonReaderState state)
    {
        var reader = new Utf8JsonReader(buffer, isFinalBlock: false, state);
        var done = reader;
        while (_place != Place.End && Step(ref reader, buffer))
            done = reader;
        state = done.CurrentState;
        return buffer.GetPosition(done.BytesConsumed);
    }

    /// <summary>
    /// One token, or one whole value where a value is wanted. False when more bytes are needed; then nothing was changed.
    /// </summary>
    private bool Step(ref Utf8JsonReader reader, ReadOnlySequence<byte> buffer)
    {
        if (!reader.Read())
            return false;
        switch (_place)
        {
            case Place.Start:
                if (reader.TokenType != JsonTokenType.StartObject)
                    throw new JsonException("it begins with no object");
                _place = Place.Field;
                return true;
            case Place.Field when reader.TokenType == JsonTokenType.EndObject:
                _place = Place.End;
                return true;
            case Place.Field:
                _place =
                    reader.ValueTextEquals("items"u8) ? Place.Items
                    : reader.ValueTextEquals("metadata"u8) ? Place.Metadata
                    : Place.Other;
                return true;
            case Place.Items: // Go writes null for a list that was never made.
                _place =
                    reader.TokenType == JsonTokenType.StartArray ? Place.Item
                    : reader.TokenType == JsonTokenType.Null ? Place.Field
                    : throw new JsonException("items is no list");
                return true;
            case Place.Item when reader.TokenType == JsonTokenType.EndArray:
                _place = Place.Field;
                return true;
        }

        var start = reader.TokenStartIndex;
        if (!reader.TrySkip())
            return false;
        var value = buffer.Slice(start, reader.BytesConsumed - start);
        if (_place == Place.Item)
        {
            Add(value);
            return true;
        }

        if (_place == Place.Metadata)
            _meta = Deserialize(value);
        _place = Place.Field;
        return true;
    }

    private void Add(ReadOnlySequence<byte> value)
    {
        if (ObjectReader.Read(kind, value, request, out var unreadable) is { } item)
            _items.Add(item);
        else
            _unreadable.Add(unreadable!);
    }

    private static V1ListMeta? Deserialize(ReadOnlySequence<byte> value)
    {
        var reader = new Utf8JsonReader(value);
        return JsonSerializer.Deserialize(ref reader, KubeJsonContext.Default.V1ListMeta);
    }
}

/// <param name="Unreadable">As of <see cref="KubeList{T}"/>.</param>
internal sealed record ListPage<T>(V1ListMeta Meta, ImmutableArray<T> Items, ImmutableArray<UnreadableObject> Unreadable)
    where T : class, IKubeObject;
