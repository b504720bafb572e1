using System.Runtime.InteropServices;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>A line to the kernel: requests go out, datagrams come in.</summary>
internal interface INetlinkSocket
{
    Errno Send(ReadOnlySpan<byte> message);

    /// <summary>
    /// The next datagram of the kernel. ETIMEDOUT when none comes, EMSGSIZE when it did not fit, ENOBUFS when the kernel dropped some.
    /// </summary>
    Errno Receive(out ReadOnlyMemory<byte> datagram);
}

/// <summary>A socket of NETLINK_ROUTE in this process's network namespace.</summary>
internal sealed class NetlinkSocket : INetlinkSocket, IDisposable
{
    /// <summary>
    /// The kernel fills dumps in pieces of at most 32 KiB (<c>net/netlink/af_netlink.c: netlink_dump</c>). One answer that is larger, such
    /// as an interface with hundreds of virtual functions, is lost, and the next of its size is received.
    /// </summary>
    private const int UsualDatagramBytes = 64 * 1024;

    /// <summary>The kernel answers within the call as a rule; a table of a million routes takes seconds.</summary>
    private const int PatienceMilliseconds = 10_000;

    private readonly int _socket;
    private byte[] _buffer = new byte[UsualDatagramBytes];

    private NetlinkSocket(int socket) => _socket = socket;

    /// <summary>Null with the kernel's error where it gives none.</summary>
    public static NetlinkSocket? TryOpen(out Errno error)
    {
        error = Errno.None;
        var socket = LibC.Socket(LibC.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC | LibC.SOCK_NONBLOCK, LibC.NETLINK_ROUTE);
        if (socket >= 0)
            return new NetlinkSocket(socket);
        error = LibC.LastError();
        return null;
    }

    /// <inheritdoc/>
    public Errno Send(ReadOnlySpan<byte> message)
    {
        var kernel = new LibC.NetlinkAddress { Family = LibC.AF_NETLINK };
        var sent = LibC.SendTo(_socket, message, (nuint)message.Length, 0, kernel, (uint)Marshal.SizeOf<LibC.NetlinkAddress>());
        return sent == message.Length ? Errno.None
            : sent < 0 ? LibC.LastError()
            : Errno.EMSGSIZE;
    }

    /// <inheritdoc/>
    public Errno Receive(out ReadOnlyMemory<byte> datagram)
    {
        datagram = default;
        Span<LibC.PollDescriptor> wait = [new() { Fd = _socket, Events = LibC.POLLIN }];
        while (true)
        {
            var length = (uint)Marshal.SizeOf<LibC.NetlinkAddress>();
            // MSG_TRUNC: the true length comes back, also when the buffer was too small for it.
            var got = LibC.ReceiveFrom(_socket, _buffer, (nuint)_buffer.Length, LibC.MSG_TRUNC, out var sender, ref length);
            if (got < 0)
            {
                var error = LibC.LastError();
                if (error == Errno.EINTR)
                    continue;
                if (error != Errno.EAGAIN)
                    return error;
                if (LibC.Poll(wait, 1, PatienceMilliseconds) == 0)
                    return Errno.ETIMEDOUT;
                continue;
            }

            if (got > _buffer.Length)
            {
                _buffer = new byte[got];
                return Errno.EMSGSIZE;
            }

            if (sender.PortId != 0)
                continue; // any process may send here; only port 0 is the kernel
            datagram = _buffer.AsMemory(0, (int)got).ToArray();
            return Errno.None;
        }
    }

    public void Dispose() => _ = LibC.Close(_socket);
}
