using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Host;

/// <summary>What the kernel logs from the moment on at which this was made. Not for several threads at once.</summary>
public interface IKernelLog : IDisposable
{
    /// <summary>What was logged since, in order; empty where the log cannot be read.</summary>
    IReadOnlyList<KernelMessage> ReadNew();
}

/// <summary>A message of the kernel's log.</summary>
/// <param name="Text">As dmesg shows it, without the time.</param>
/// <param name="Device">The device that a driver says it of, for example <c>+pci:0000:3b:00.0</c>; null when the record names none.</param>
public sealed record KernelMessage(string Text, string? Device)
{
    /// <summary>
    /// A record as <c>/dev/kmsg</c> gives it: <c>priority,sequence,microseconds,flags;text</c>, then lines that begin with a blank, such as
    /// <c>DEVICE=+pci:0000:3b:00.0</c> (kernel <c>Documentation/ABI/testing/dev-kmsg</c>). Null when it is none.
    /// </summary>
    public static KernelMessage? Parse(string record)
    {
        const string device = " DEVICE=";
        var lines = record.Split('\n');
        var head = lines[0].IndexOf(';', StringComparison.Ordinal);
        if (head < 0) return null;
        var named = lines.Skip(1).FirstOrDefault(l => l.StartsWith(device, StringComparison.Ordinal));
        return new KernelMessage(lines[0][(head + 1)..].Trim(), named?[device.Length..]);
    }

    /// <summary>By the record's own word, or by its text: many drivers log without naming their device.</summary>
    public bool IsAbout(PciAddress address) =>
        Device == $"+pci:{address}" || Text.Contains(address.ToString(), StringComparison.OrdinalIgnoreCase);
}

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
        if (descriptor >= 0) _ = LibC.Seek(descriptor, 0, LibC.SEEK_END);
    }

    public IReadOnlyList<KernelMessage> ReadNew()
    {
        var messages = new List<KernelMessage>();
        if (descriptor < 0) return messages;
        var buffer = new byte[RecordBytes];
        for (var i = 0; i < MostRecords; i++)
        {
            var read = LibC.Read(descriptor, buffer, RecordBytes);
            if (read < 0 && LibC.LastError() == Errno.EPIPE) continue; // records were written over: the next read has the oldest that is left
            if (read <= 0) break;
            if (KernelMessage.Parse(System.Text.Encoding.UTF8.GetString(buffer, 0, (int)read)) is { } message) messages.Add(message);
        }

        return messages;
    }

    public void Dispose()
    {
        if (descriptor >= 0) _ = LibC.Close(descriptor);
    }
}
