using System.Collections.Frozen;

namespace Hostdev.Planning.Inventory;

/// <summary>Classes of PCI functions in words.</summary>
public static class PciClasses
{
    /// <summary>Names of the commoner classes (PCI Code and ID Assignment specification); the base class's for the rest.</summary>
    private static readonly FrozenDictionary<uint, string> ClassNames = new Dictionary<uint, string>
    {
        [0x0100] = "SCSI controller",
        [0x0101] = "IDE controller",
        [0x0104] = "RAID controller",
        [0x0106] = "SATA controller",
        [0x0107] = "SAS controller",
        [0x0108] = "NVMe controller",
        [0x0200] = "Ethernet controller",
        [0x0207] = "InfiniBand controller",
        [0x0280] = "Network controller",
        [0x0300] = "VGA controller",
        [0x0302] = "3D controller",
        [0x0380] = "Display controller",
        [0x0401] = "Audio device",
        [0x0403] = "Audio device",
        [0x0480] = "Multimedia device",
        [0x0600] = "Host bridge",
        [0x0601] = "ISA bridge",
        [0x0602] = "EISA bridge",
        [0x0604] = "PCI bridge",
        [0x0680] = "Bridge",
        [0x0700] = "Serial controller",
        [0x0780] = "Communication dev.",
        [0x0880] = "System peripheral",
        [0x0b40] = "Co-processor",
        [0x0c03] = "USB controller",
        [0x0c05] = "SMBus",
        [0x1000] = "Crypto controller",
        [0x1080] = "Crypto controller",
        [0x1101] = "Performance counter",
        [0x1180] = "Signal processing",
        [0x1200] = "Accelerator",
        [0x00ff] = "Unclassified",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<uint, string> BaseClassNames = new Dictionary<uint, string>
    {
        [0x00] = "Unclassified",
        [0x01] = "Storage controller",
        [0x02] = "Network controller",
        [0x03] = "Display controller",
        [0x04] = "Multimedia device",
        [0x05] = "Memory controller",
        [0x06] = "Bridge",
        [0x07] = "Communication dev.",
        [0x08] = "System peripheral",
        [0x09] = "Input device",
        [0x0b] = "Processor",
        [0x0c] = "Serial bus controller",
        [0x0d] = "Wireless controller",
        [0x10] = "Crypto controller",
        [0x11] = "Signal processing",
        [0x12] = "Accelerator",
        [0x13] = "Instrumentation",
    }.ToFrozenDictionary();

    public static string Name(uint classCode) =>
        ClassNames.GetValueOrDefault(classCode >> 8) ?? BaseClassNames.GetValueOrDefault(classCode >> 16) ?? $"Class {classCode >> 8:x4}";
}
