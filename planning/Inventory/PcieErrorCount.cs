using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

/// <summary>As the PCIe specification divides errors (6.2.2).</summary>
public enum PcieSeverity
{
    Correctable,
    NonFatal,
    Fatal,
}

/// <param name="IsRootPort">What a root port received, of itself and all below it; otherwise what the device reported.</param>
public readonly record struct PcieErrorKey(PciAddress Device, PcieSeverity Severity, bool IsRootPort);

public readonly record struct PcieErrorCount(PcieErrorKey Key, long Count);
