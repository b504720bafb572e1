using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// The kernel's own events (NETLINK_KOBJECT_UEVENT, multicast group 1; kernel <c>lib/kobject_uevent.c</c>), received on a thread of its own
/// from the moment this is opened. Events of network interfaces come for this process's network namespace only.
/// </summary>
public sealed class UeventSource : IUeventSource
{
    /// <summary>A numvfs write on a big card makes thousands of events of some 500 bytes at once.</summary>
    private const int ReceiveBufferBytes = 4 * 1024 * 1024;

    private const int MaxPending = 16 * 1024;

    /// <summary>The kernel's buffer for one event is 2048 bytes (UEVENT_BUFFER_SIZE); a message is its header and that.</summary>
    private const int MaxMessageBytes = 8 * 1024;

    private readonly UeventQueue queue = new(MaxPending);
    private readonly Thread receiver;
    private readonly int socket;
    private readonly int stop;
    private int disposed;

    private UeventSource(int socket, int stop)
    {
        this.socket = socket;
        this.stop = stop;
        receiver = new Thread(Receive) { IsBackground = true, Name = "uevents" };
        receiver.Start();
    }

    /// <summary>
    /// Begins to listen. Throws <see cref="IOException"/> with the kernel's error when it does not let this process (a sandbox without
    /// netlink).
    /// </summary>
    public static UeventSource Open()
    {
        var listener = LibC.Socket(LibC.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC | LibC.SOCK_NONBLOCK, LibC.NETLINK_KOBJECT_UEVENT);
        if (listener < 0)
            throw new IOException(
                $"the kernel's events cannot be listened to: socket(NETLINK_KOBJECT_UEVENT) gave {LibC.LastError().Name}"
            );
        // Beyond net.core.rmem_max, which takes CAP_NET_ADMIN; without it as much as the limit allows. A small buffer loses events, which
        // is handled.
        if (LibC.SetSocketOption(listener, LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, ReceiveBufferBytes, sizeof(int)) != 0)
            _ = LibC.SetSocketOption(listener, LibC.SOL_SOCKET, LibC.SO_RCVBUF, ReceiveBufferBytes, sizeof(int));
        var address = new LibC.NetlinkAddress { Family = LibC.AF_NETLINK, Groups = 1 };
        var bound = LibC.Bind(listener, address, (uint)Marshal.SizeOf<LibC.NetlinkAddress>());
        var signal = bound == 0 ? LibC.EventFd(0, LibC.EFD_CLOEXEC) : -1;
        if (signal >= 0)
            return new UeventSource(listener, signal);
        var error = LibC.LastError();
        _ = LibC.Close(listener);
        throw new IOException(
            $"the kernel's events cannot be listened to: {(bound == 0 ? "eventfd" : "bind to the kernel's uevent group")} gave {error.Name}"
        );
    }

    /// <inheritdoc/>
    public ValueTask<UeventBatch> NextAsync(CancellationToken cancellationToken) => queue.NextAsync(cancellationToken);

    /// <summary>Stops listening; a waiting <see cref="NextAsync"/> ends with <see cref="ChannelClosedException"/>.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 1)
            return ValueTask.CompletedTask;
        _ = LibC.Write(stop, BitConverter.GetBytes(1UL), sizeof(ulong));
        receiver.Join();
        _ = LibC.Close(socket);
        _ = LibC.Close(stop);
        queue.Complete();
        return ValueTask.CompletedTask;
    }

    private void Receive()
    {
        Span<LibC.PollDescriptor> descriptors = [new() { Fd = socket, Events = LibC.POLLIN }, new() { Fd = stop, Events = LibC.POLLIN }];
        var buffer = new byte[MaxMessageBytes];
        while (true)
        {
            var ready = LibC.Poll(descriptors, (nuint)descriptors.Length, -1);
            if (ready < 0)
                continue;
            if (descriptors[1].Returned != 0)
                return;
            Drain(buffer);
        }
    }

    /// <summary>Takes everything that is there, so that a burst is one wake-up.</summary>
    private void Drain(byte[] buffer)
    {
        var events = new List<Uevent>();
        var lost = false;
        while (true)
        {
            var length = (uint)Marshal.SizeOf<LibC.NetlinkAddress>();
            var got = LibC.ReceiveFrom(socket, buffer, (nuint)buffer.Length, 0, out var sender, ref length);
            var error = got < 0 ? LibC.LastError() : Errno.None;
            if (error.Value == Enobufs)
                lost = true;
            else if (got < 0 && error.Value != Eintr)
                break;
            // Port 0 is the kernel: any process may send to the group, and a forged event must not make the agent do anything.
            else if (got > 0 && sender.PortId == 0 && UeventMessage.TryParse(buffer.AsSpan(0, (int)got)) is { } uevent)
                events.Add(uevent);
            if (events.Count >= MaxPending)
                break;
        }

        queue.Add(events, lost);
    }

    private const int Eintr = 4;
    private const int Enobufs = 105;
}
