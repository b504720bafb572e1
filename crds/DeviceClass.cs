namespace Hostdev.Crds;

/// <summary>
/// What kind of device it is: by which bus it is found, and how a VM gets it. The word of the contract is the lower-case name.
/// </summary>
public enum DeviceClass
{
    /// <summary>A PCI function, virtual or physical, with its IOMMU group.</summary>
    Pci,

    /// <summary>A USB device at a port.</summary>
    Usb,

    /// <summary>A SCSI disk or other logical unit.</summary>
    Scsi,

    /// <summary>A mediated device.</summary>
    Mdev,
}

/// <summary>The words for <see cref="DeviceClass"/> in objects, files and messages.</summary>
public static class DeviceClasses
{
    public static string Word(this DeviceClass it) =>
        it switch
        {
            DeviceClass.Pci => "pci",
            DeviceClass.Usb => "usb",
            DeviceClass.Scsi => "scsi",
            DeviceClass.Mdev => "mdev",
            _ => throw new ArgumentOutOfRangeException(nameof(it), it, null),
        };

    /// <summary>The class that a word means; null where it means none.</summary>
    public static DeviceClass? Parse(string? word) =>
        word switch
        {
            "pci" => DeviceClass.Pci,
            "usb" => DeviceClass.Usb,
            "scsi" => DeviceClass.Scsi,
            "mdev" => DeviceClass.Mdev,
            _ => null,
        };
}
