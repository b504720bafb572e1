using System.Buffers.Binary;
using Hostdev.Tests.Kubelet;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// What a connection to a plugin's socket may bring, made from a number: a call that is well-formed, with none to four things wrong in its
/// frames, its header block, its message or its bytes.
/// </summary>
internal sealed class HostileFrames(int seed)
{
    private static readonly string[] s_methods =
    [
        "GetDevicePluginOptions",
        "GetDevicePluginOptions",
        "Allocate",
        "GetPreferredAllocation",
        "PreStartContainer",
        "ListAndWatch",
        "NoSuchMethod",
    ];

    /// <summary>container_requests of one request that names "a" and "b".</summary>
    private static readonly byte[] s_message = [0x0a, 6, 0x0a, 1, (byte)'a', 0x0a, 1, (byte)'b'];

    private readonly Random _random = new(seed);

    /// <summary>Once they are made: a call that ends, a message that may be none, and nothing else.</summary>
    public bool IsWellFormed { get; private set; }

    public byte[] Bytes()
    {
        var wrong = _random.Next(5);
        var method = s_methods[_random.Next(s_methods.Length)];
        IsWellFormed = wrong == 0 && method != "ListAndWatch";
        var (block, message) = (RawHttp2.Call(method), RawHttp2.Message(Message()));
        if (wrong > 0 && _random.Next(4) == 0)
            block = Spoil(block);
        if (wrong > 0 && _random.Next(3) == 0)
            message = Spoil(message);
        List<byte[]> frames =
        [
            RawHttp2.Preface,
            RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders, 1, block),
            RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, 1, message),
        ];
        for (var i = 1; i < wrong; i++)
            Disturb(frames);
        byte[] bytes = [.. frames.SelectMany(f => f)];
        if (wrong > 0 && _random.Next(4) == 0)
            bytes = Spoil(bytes);
        return bytes;
    }

    private byte[] Message() =>
        _random.Next(4) switch
        {
            0 => [],
            1 => s_message,
            2 => [.. Enumerable.Repeat(s_message, _random.Next(200)).SelectMany(m => m)],
            _ => Noise(60),
        };

    /// <summary>One frame more, twice, in another place, missing, or with a header that is not its own.</summary>
    private void Disturb(List<byte[]> frames)
    {
        var at = _random.Next(frames.Count);
        switch (_random.Next(7))
        {
            case 0:
                frames.Insert(at, frames[at]);
                break;
            case 1:
                frames.RemoveAt(at);
                break;
            case 2:
                (frames[at], frames[^1]) = (frames[^1], frames[at]);
                break;
            case 3:
                frames.Insert(at, RawHttp2.Frame((byte)_random.Next(12), (byte)_random.Next(256), _random.Next(-1, 6), Noise(100)));
                break;
            case 4: // a length that is another
                var longer = frames[at].ToArray();
                if (longer.Length >= 9)
                    BinaryPrimitives.WriteInt32BigEndian(longer, (_random.Next(1 << 24) << 8) | longer[3]);
                frames[at] = longer;
                break;
            case 5: // as many empty frames as may be, and more
                var empty = RawHttp2.Frame((byte)_random.Next(10), 0, _random.Next(3), []);
                frames.Insert(at, [.. Enumerable.Repeat(empty, _random.Next(300)).SelectMany(f => f)]);
                break;
            default: // a header block in pieces, the end of which may be missing
                frames.Insert(at, RawHttp2.Frame(RawHttp2.Headers, (byte)_random.Next(2), 3, RawHttp2.Call("Allocate")));
                frames.Insert(at + 1, RawHttp2.Frame(RawHttp2.Continuation, (byte)(_random.Next(2) * RawHttp2.EndHeaders), 3, Noise(40)));
                break;
        }
    }

    /// <summary>A byte is another one, some are missing, or the rest is.</summary>
    private byte[] Spoil(byte[] bytes)
    {
        if (bytes.Length == 0)
            return Noise(20);
        var at = _random.Next(bytes.Length);
        switch (_random.Next(4))
        {
            case 0:
                return bytes[..at];
            case 1:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + _random.Next(1, 9))..]];
            case 2:
                return [.. bytes[..at], .. Noise(30), .. bytes[at..]];
            default:
                var other = bytes.ToArray();
                other[at] ^= (byte)_random.Next(1, 256);
                return other;
        }
    }

    private byte[] Noise(int most)
    {
        var noise = new byte[_random.Next(most)];
        _random.NextBytes(noise);
        return noise;
    }
}
