using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>Length-prefixed messages: one flag byte, four bytes of length (big endian), the message (grpc <c>doc/PROTOCOL-HTTP2.md</c>, "Length-Prefixed-Message").</summary>
internal static class GrpcFrame
{
    public const int HeaderBytes = 5;

    /// <summary>
    /// Reads the next message; null at the end of the stream. Refuses by status: a compressed message (12, no encoding but identity is offered), a message over
    /// <paramref name="limitBytes"/> (8, before any of it is buffered), a frame that is cut short or is no message of this type (13).
    /// </summary>
    public static async ValueTask<T?> ReadAsync<T>(PipeReader reader, MessageParser<T> parser, int limitBytes, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            if (read.IsCanceled) throw new OperationCanceledException(cancellationToken);
            var buffer = read.Buffer;
            if (TryParse(buffer, parser, limitBytes, out var message, out var consumed))
            {
                reader.AdvanceTo(consumed);
                return message;
            }

            if (read.IsCompleted)
            {
                var left = buffer.Length;
                reader.AdvanceTo(buffer.End);
                if (left == 0) return null;
                throw new GrpcStatusException(GrpcStatusCode.Internal, $"the message ends after {left} bytes, in the middle of a frame");
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>Writes one frame without flushing. A message over <paramref name="limitBytes"/> is refused with RESOURCE_EXHAUSTED and nothing is written.</summary>
    public static void Write<T>(IBufferWriter<byte> writer, T message, int limitBytes)
        where T : IMessage<T>
    {
        var size = message.CalculateSize();
        if (size > limitBytes) throw TooLarge("sent", size, limitBytes);
        var header = writer.GetSpan(HeaderBytes);
        header[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(header[1..], (uint)size);
        writer.Advance(HeaderBytes);
        message.WriteTo(writer);
    }

    private static bool TryParse<T>(ReadOnlySequence<byte> buffer, MessageParser<T> parser, int limitBytes, [NotNullWhen(true)] out T? message, out SequencePosition consumed)
        where T : class, IMessage<T>
    {
        (message, consumed) = (null, buffer.Start);
        if (buffer.Length < HeaderBytes) return false;
        Span<byte> header = stackalloc byte[HeaderBytes];
        buffer.Slice(0, HeaderBytes).CopyTo(header);
        if (header[0] == 1) throw new GrpcStatusException(GrpcStatusCode.Unimplemented, "the message is compressed, and no encoding but identity is known here");
        if (header[0] != 0) throw new GrpcStatusException(GrpcStatusCode.Internal, $"the frame begins with the flag {header[0]}, which is neither 0 nor 1");
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > limitBytes) throw TooLarge("received", length, limitBytes);
        if (buffer.Length < HeaderBytes + length) return false;
        var body = buffer.Slice(HeaderBytes, length);
        consumed = body.End;
        try
        {
            message = parser.ParseFrom(body);
            return true;
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new GrpcStatusException(GrpcStatusCode.Internal, $"the frame holds no {typeof(T).Name}: {e.Message}", e);
        }
    }

    private static GrpcStatusException TooLarge(string verb, long size, int limit) =>
        new(GrpcStatusCode.ResourceExhausted, $"the message of {size} bytes is larger than the {limit} bytes that may be {verb}");
}
