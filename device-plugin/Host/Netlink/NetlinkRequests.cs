using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>What a request gave: all its messages, or why not.</summary>
/// <param name="Error">The kernel's answer, or the transport's; success goes with <paramref name="Complaint"/> null.</param>
/// <param name="Complaint">A clause: <c>gave EPERM</c>, <c>was answered with a malformed message</c>.</param>
internal readonly record struct NetlinkAnswer(ImmutableArray<NetlinkMessage> Messages, Errno Error, string? Complaint)
{
    public static NetlinkAnswer Of(IEnumerable<NetlinkMessage> messages) => new([.. messages], Errno.None, null);

    public static NetlinkAnswer Failed(Errno error, string complaint) => new([], error, complaint);
}

/// <summary>
/// Asks the kernel over one socket and reads the whole answer (kernel <c>Documentation/userspace-api/netlink/intro.rst</c>).
/// </summary>
internal sealed class NetlinkRequests(INetlinkSocket socket)
{
    /// <summary>
    /// Whatever changes a table while it is dumped makes the dump worthless; a machine where that happens so often in a row is not one to
    /// take a NIC from.
    /// </summary>
    private const int MaxAttempts = 10;

    private uint _sequence;

    /// <summary>
    /// A whole table, as it was at one time: repeated when it changed meanwhile (NLM_F_DUMP_INTR) or the kernel dropped messages.
    /// </summary>
    public NetlinkAnswer Dump(ushort type, ReadOnlySpan<byte> body)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            if (Once(type, NetlinkMessage.FlagDump, body, out var answer))
                return answer;
        }

        return NetlinkAnswer.Failed(Errno.EAGAIN, $"changed while it was read, {MaxAttempts} times in a row");
    }

    /// <summary>One thing: the kernel answers with one message, or with an error.</summary>
    public NetlinkAnswer Get(ushort type, ReadOnlySpan<byte> body) =>
        Once(type, 0, body, out var answer) ? answer : NetlinkAnswer.Failed(Errno.EAGAIN, "was not answered");

    /// <summary>A change: the kernel says whether it took it.</summary>
    public NetlinkAnswer Do(ushort type, ReadOnlySpan<byte> body) =>
        Once(type, NetlinkMessage.FlagAcknowledge, body, out var answer) ? answer : NetlinkAnswer.Failed(Errno.EAGAIN, "was not answered");

    /// <summary>False when it must be repeated.</summary>
    private bool Once(ushort type, ushort flags, ReadOnlySpan<byte> body, out NetlinkAnswer answer)
    {
        var sent = socket.Send(NetlinkMessage.Request(type, flags, ++_sequence, body));
        if (!sent.IsSuccess)
        {
            answer = Refused(sent);
            return true;
        }

        var messages = new List<NetlinkMessage>();
        var interrupted = false;
        while (true)
        {
            var received = socket.Receive(out var datagram);
            if (received == Errno.ENOBUFS)
            {
                answer = default;
                return false;
            }

            var parts = new List<NetlinkMessage>();
            if (!received.IsSuccess || !NetlinkMessage.TryParse(datagram, parts))
            {
                answer = received.IsSuccess ? Malformed : Refused(received);
                return true;
            }

            foreach (var part in parts.Where(p => p.Sequence == _sequence)) // an earlier request's rest is none of this one's
            {
                interrupted |= (part.Flags & NetlinkMessage.FlagDumpInterrupted) != 0;
                if (IsEnd(part, messages, out answer))
                    return answer.Complaint is not null || !interrupted;
                messages.Add(part);
                if (flags == 0)
                {
                    answer = NetlinkAnswer.Of(messages);
                    return true;
                }
            }
        }
    }

    /// <summary>
    /// NLMSG_DONE and NLMSG_ERROR begin with the negative error number; a dump that broke off half-way says so in its NLMSG_DONE.
    /// </summary>
    private static bool IsEnd(NetlinkMessage message, List<NetlinkMessage> before, out NetlinkAnswer answer)
    {
        answer = default;
        switch (message.Type)
        {
            case NetlinkMessage.Overrun:
                answer = NetlinkAnswer.Failed(Errno.ENOBUFS, "lost messages");
                return true;
            case NetlinkMessage.Done or NetlinkMessage.Error when message.Body.Length < sizeof(int):
                answer = Malformed;
                return true;
            case NetlinkMessage.Done or NetlinkMessage.Error:
                var error = BitConverter.ToInt32(message.Body.Span);
                answer =
                    error == 0 ? NetlinkAnswer.Of(before)
                    : error < 0 ? Refused(new Errno(-error))
                    : Malformed;
                return true;
            default:
                return false;
        }
    }

    public static NetlinkAnswer Malformed => NetlinkAnswer.Failed(Errno.EIO, "was answered with a malformed message");

    private static NetlinkAnswer Refused(Errno error) => NetlinkAnswer.Failed(error, $"gave {error.Name}");
}
