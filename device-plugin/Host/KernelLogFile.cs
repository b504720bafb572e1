using System.Text;

namespace Hostdev.DevicePlugin.Host;

/// <summary><c>/dev/kmsg</c>, read without ever waiting.</summary>
internal sealed class KernelLogFile : IKernelLog
{
    /// <summary>A record is at most 8 KiB (kernel <c>kernel/printk/internal.h: PRINTK_MESSAGE_MAX</c>).</summary>
    private const int RecordBytes = 8192;

    /// <summary>A driver that logs more than this while a number is written logs for ever.</summary>
    private const int MostRecords = 4096;

    private readonly int descriptor;

    public KernelLogFile(string path)
    {
        descriptor = LibC.Open(path, LibC.O_RDONLY | LibC.O_NONBLOCK | LibC.O_CLOEXEC, 0);
        if (descriptor >= 0)
            _ = LibC.Seek(descriptor, 0, LibC.SEEK_END);
    }

    public IReadOnlyList<KernelMessage> ReadNew()
    {
        var messages = new List<KernelMessage>();
        if (descriptor < 0)
            return messages;
        var buffer = new byte[RecordBytes];
        for (var i = 0; i < MostRecords; i++)
        {
            var read = LibC.Read(descriptor, buffer, RecordBytes);
            // records were written over: the next read has the oldest that is left
            if (read < 0 && LibC.LastError() == Errno.EPIPE)
                continue;
            if (read <= 0)
                break;
            if (KernelMessage.Parse(Encoding.UTF8.GetString(buffer, 0, (int)read)) is { } message)
                messages.Add(message);
        }

        return messages;
    }

    public void Dispose()
    {
        if (descriptor >= 0)
            _ = LibC.Close(descriptor);
    }
}
