using System.Collections.Frozen;

namespace Hostdev.DevicePlugin.Inventory.Rendering;

/// <summary>The classes of devices that can be asked for.</summary>
[Flags]
public enum DeviceClasses
{
    None = 0,
    Pci = 1,
    Usb = 2,
    Scsi = 4,
    Mdev = 8,
    All = Pci | Usb | Scsi | Mdev,
}

/// <summary>The forms the inventory can be printed in.</summary>
public enum OutputForm
{
    Table,
    Tree,
    Json,
    Yaml,
}

/// <summary>What the renderers say alike.</summary>
internal static class InventoryView
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
    }.ToFrozenDictionary();

    public static string ClassName(uint classCode) =>
        ClassNames.GetValueOrDefault(classCode >> 8) ?? BaseClassNames.GetValueOrDefault(classCode >> 16) ?? $"Class {classCode >> 8:x4}";

    public static string Ids(PciFunction function) => $"{function.Vendor}:{function.Device}";

    /// <summary>The device's name, which mostly tells the vendor's; else the vendor's.</summary>
    public static string? Name(PciFunction function) => function.DeviceName ?? function.VendorName;

    /// <summary>"2 of 7 VFs", or "? of 7 VFs" when the count could not be read in time.</summary>
    public static string? VfCount(PciFunction function) =>
        function.Sriov is { } sriov ? $"{(sriov.NumVfs is { } count ? count.ToString() : "?")} of {sriov.TotalVfs} VFs" : null;

    /// <summary>Names; nodes as they are called under <c>/dev</c>, since <c>bsg/0:0:0:0</c> says more than <c>0:0:0:0</c>.</summary>
    public static string Children(IEnumerable<ChildDevice> children) => string.Join(' ', children.Select(c => c switch
    {
        { Kind: ChildKind.MdevParent } => "mdev-parent",
        { Kind: ChildKind.CharacterDevice, Node: { } node } => node["/dev/".Length..],
        _ => c.Name,
    }));

    public static string ScsiType(int type) => type switch { 0 => "disk", 1 => "tape", 5 => "CD/DVD", 7 => "optical", 8 => "changer", 12 => "RAID", 13 => "enclosure", _ => $"type {type}" };

    public static string Yes(bool value) => value ? "yes" : "no";

    /// <summary>The host in two or three lines.</summary>
    public static IEnumerable<string> Facts(HostFacts facts)
    {
        var remapping = facts.InterruptRemapping switch { InterruptRemapping.NotApplicable => "not applicable", var other => other.ToString().ToLowerInvariant() };
        yield return $"Linux {facts.KernelRelease} {facts.Architecture}, IOMMU {(facts.IommuEnabled ? "on" : "OFF")}, interrupt remapping {remapping}"
            + (facts.UnsafeInterruptsAllowed ? ", unsafe interrupts allowed" : "") + (facts.Iommufd ? ", iommufd" : "");
        yield return $"Passthrough drivers: {(facts.PassthroughDrivers.IsEmpty ? "none loaded" : string.Join(' ', facts.PassthroughDrivers))}";
        if (!facts.KernelArguments.IsEmpty) yield return $"Kernel arguments: {string.Join(' ', facts.KernelArguments)}";
    }

    /// <summary>Path and complaint in one line, or in two where one is too narrow: neither may be cut off.</summary>
    public static IEnumerable<string> Problems(HostInventory inventory, int width)
    {
        if (inventory.Problems.IsEmpty) yield break;
        yield return "";
        yield return inventory.Problems.Length == 1 ? "1 attribute could not be read:" : $"{inventory.Problems.Length} attributes could not be read:";
        foreach (var problem in inventory.Problems)
        {
            var fits = problem.Path.Length + problem.Message.Length + 3 <= width;
            yield return fits ? $"  {problem.Path} {problem.Message}" : $"  {problem.Path}";
            if (!fits) yield return $"    {problem.Message}";
        }
    }

    /// <summary>Cuts what is wider than the page; the end shows that something is missing.</summary>
    public static string Fit(string text, int width) => text.Length <= width ? text.TrimEnd() : string.Concat(text.AsSpan(0, width - 1), "…");
}
