namespace Hostdev.Crds.Kinds;

public enum DriverType
{
    /// <summary>vfio-pci.</summary>
    Vfio,

    /// <summary>The kernel's vfio variant driver for the device by its <c>vfio_pci:</c> modalias, else vfio-pci.</summary>
    Auto,

    /// <summary>The host's own driver: virtual functions that the host keeps.</summary>
    Native,

    /// <summary>The driver that <see cref="DriverChoice.Name"/> names.</summary>
    Named,
}

/// <summary>The driver a device is to have.</summary>
public sealed record DriverChoice
{
    public static DriverChoice Vfio { get; } = new();

    public DriverType Type { get; init; }

    /// <summary>A kernel driver as <c>/sys/bus/pci/drivers</c> names it; only with <see cref="DriverType.Named"/>.</summary>
    public string? Name { get; init; }
}
