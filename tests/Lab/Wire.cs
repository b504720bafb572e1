using System.Buffers.Binary;

namespace Hostdev.Tests.Lab;

/// <summary>
/// What was sent on the wire of 0000:41:00.0, by QEMU's dump of it (hack/lab.d/README.md): in order since the node booted.
/// </summary>
internal static class Wire
{
    private const string Dump = "/labio/wire0.pcap";
    private const int FileHeader = 24;
    private const int RecordHeader = 16;
    private const int Tagged = 0x8100; // IEEE 802.1Q

    /// <summary>The frames that came from this address.</summary>
    public static IReadOnlyList<WireFrame> From(string source) => [.. Frames().Where(f => f.Source == source)];

    private static IEnumerable<WireFrame> Frames()
    {
        var dump = ReadAll();
        for (var at = FileHeader; at + RecordHeader <= dump.Length; )
        {
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(dump.AsSpan(at + 8));
            at += RecordHeader;
            if (at + length > dump.Length)
                yield break; // it is being written
            yield return Of(dump.AsSpan(at, length));
            at += length;
        }
    }

    private static WireFrame Of(ReadOnlySpan<byte> frame)
    {
        var source = string.Join(':', Convert.ToHexStringLower(frame.Slice(6, 6)).Chunk(2).Select(c => new string(c)));
        var type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        return type == Tagged
            ? new WireFrame(source, BinaryPrimitives.ReadUInt16BigEndian(frame[14..]), BinaryPrimitives.ReadUInt16BigEndian(frame[16..]))
            : new WireFrame(source, null, type);
    }

    private static byte[] ReadAll()
    {
        using var file = new FileStream(Dump, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var copy = new MemoryStream();
        file.CopyTo(copy);
        return copy.ToArray();
    }
}

/// <param name="Tag">Priority in the upper three bits, VLAN in the lower twelve; null without a tag.</param>
/// <param name="Type">Of what the frame carries: 0x0806 is ARP.</param>
internal sealed record WireFrame(string Source, int? Tag, int Type)
{
    public const int Arp = 0x0806;

    /// <summary>A tag as <c>ip link</c> has its parts.</summary>
    public static int TagOf(int vlan, int priority) => (priority << 13) | vlan;
}
