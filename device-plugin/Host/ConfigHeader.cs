namespace Hostdev.DevicePlugin.Host;

/// <summary>The standard header at the beginning of a function's configuration space (<c>config</c> in sysfs).</summary>
public static class ConfigHeader
{
    public const int Bytes = 64;

    /// <summary>
    /// Whether a header, as hexadecimal digits, was given by a function: where none answers the bus gives ones only. The ids alone prove
    /// nothing, those of every virtual function read as ones (PCIe base specification, "SR-IOV, VF configuration space"; seen on igb). A
    /// header that could not be read, for example during a reset, is no sign of a fault.
    /// </summary>
    public static bool Answers(FileText header) =>
        header.Text is not { Length: 2 * Bytes } digits || digits.AsSpan().ContainsAnyExcept('f');
}
