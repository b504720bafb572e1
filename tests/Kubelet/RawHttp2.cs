using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Hostdev.Tests.Kubelet;

/// <summary>Bytes of HTTP/2 as no library sends them (RFC 9113): whatever a test puts together, on a unix socket.</summary>
internal sealed class RawHttp2 : IDisposable
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Reset = 3;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte WindowUpdate = 8;
    public const byte Continuation = 9;

    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    public const int EnhanceYourCalm = 0xb;

    private readonly Socket _socket;

    public RawHttp2(string path)
    {
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = 20_000,
            SendTimeout = 20_000,
        };
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public static byte[] Preface => [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [])];

    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>The headers of a call, in HPACK's plainest form (RFC 7541, 6.2.2).</summary>
    public static byte[] Call(string method)
    {
        var block = new List<byte>();
        foreach (
            var (name, value) in new[]
            {
                (":method", "POST"),
                (":scheme", "http"),
                (":path", $"/v1beta1.DevicePlugin/{method}"),
                (":authority", "localhost"),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
            }
        )
        {
            block.Add(0);
            foreach (var text in (string[])[name, value])
            {
                block.Add((byte)text.Length);
                block.AddRange(Encoding.ASCII.GetBytes(text));
            }
        }

        return [.. block];
    }

    /// <summary>A message as gRPC frames it.</summary>
    public static byte[] Message(ReadOnlySpan<byte> message)
    {
        var framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed.AsSpan(5));
        return framed;
    }

    /// <summary>False when the server has closed the connection.</summary>
    public bool TrySend(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[_socket.Send(bytes)..];
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Whether the server sends something within that time.</summary>
    public bool Speaks(TimeSpan within) => _socket.Poll(within, SelectMode.SelectRead);

    /// <summary>Every frame until the server closes the connection, or until one is the wanted one.</summary>
    /// <exception cref="SocketException">Nothing came for 20 s.</exception>
    public IReadOnlyList<RawFrame> Read(Func<RawFrame, bool>? until = null)
    {
        var frames = new List<RawFrame>();
        var header = new byte[9];
        while (TryFill(header))
        {
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8];
            if (!TryFill(payload))
                break;
            frames.Add(new RawFrame(header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload));
            if (until?.Invoke(frames[^1]) == true)
                break;
        }

        return frames;
    }

    public void Dispose() => _socket.Dispose();

    private bool TryFill(Span<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                var got = _socket.Receive(bytes);
                if (got == 0)
                    return false;
                bytes = bytes[got..];
            }

            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return false;
        }
    }
}

/// <summary>A frame that came.</summary>
internal sealed record RawFrame(byte Type, byte Flags, int Stream, byte[] Payload)
{
    public override string ToString() => $"type {Type}, flags {Flags}, stream {Stream}: {Convert.ToHexString(Payload)}";

    /// <summary>The error of a GOAWAY or of a reset; null for any other frame.</summary>
    public int? Error =>
        Type switch
        {
            RawHttp2.GoAway => BinaryPrimitives.ReadInt32BigEndian(Payload.AsSpan(4)),
            RawHttp2.Reset => BinaryPrimitives.ReadInt32BigEndian(Payload),
            _ => null,
        };
}
