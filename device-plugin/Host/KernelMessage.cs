using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Host;

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
        if (head < 0)
            return null;
        var named = lines.Skip(1).FirstOrDefault(l => l.StartsWith(device, StringComparison.Ordinal));
        return new KernelMessage(lines[0][(head + 1)..].Trim(), named?[device.Length..]);
    }

    /// <summary>By the record's own word, or by its text: many drivers log without naming their device.</summary>
    public bool IsAbout(DeviceId device) => Device == $"+{device.Class.Word()}:{device}" || device.IsNamedIn(Text);
}
