using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Functions that are the machine itself (ADR 0018): what the processor and the chipset need of themselves. By class only where it lies in
/// the root complex: a card may have a memory controller
/// of its own, and 0880 is a DMA engine or a Coral, 0b40 QAT, 0c80 a graphics card's UCSI where it is not Intel's.
/// </summary>
internal static class SystemFunctions
{
    private static readonly PciId Intel = new(0x8086);

    private const uint HostBridge = 0x0600;
    private const uint IsaBridge = 0x0601;
    private const uint EisaBridge = 0x0602;
    private const uint InterruptController = 0x0800; // an IO-APIC, which never has a driver
    private const uint Iommu = 0x0806;
    private const uint EventCollector = 0x0807; // of the root complex: its errors and wake-ups
    private const uint SerialBus = 0x0c80; // Intel's flash controller, with and without a driver
    private const uint SmBus = 0x0c05;
    private const uint PerformanceCounter = 0x1101;
    private const uint Instrumentation = 0x1300;
    private const uint MemoryController = 0x05; // a base class

    private static readonly string[] Drivers = ["ccp", "thunderbolt", "k10temp", "k8temp", "fam15h_power", "iosf_mbi_pci"];

    private static readonly string[] DriverBeginnings =
    [
        "lpc_",
        "intel_pmc",
        "intel-pmc",
        "intel-spi",
        "spi-intel",
        "spi_intel",
        "mei",
        "intel-lpss",
        "intel_lpss",
        "intel_vsec",
        "intel-vsec",
    ];

    private static readonly string[] DriverEnds = ["_smbus", "_edac"];

    /// <summary>
    /// Nobody's: a part of the machine without a driver. It harms no group, so it needs no declaration, and it is neither bound nor
    /// assigned, nor does it name a unit. Often it is function 0 of a
    /// slot. Class 0680 is none: an NVSwitch has it.
    /// </summary>
    public static bool IsBystander(PciFunction function) =>
        function.Driver is null
        && (Subclass(function) is HostBridge or IsaBridge or Instrumentation or PerformanceCounter || IsOfTheChipset(function));

    /// <summary>What of the machine it is, in words; null when it is no part of it.</summary>
    /// <param name="hostDriver">The driver that it has by the host's own choice.</param>
    public static string? WhatItIs(PciFunction function, string? hostDriver) =>
        IsSystem(function, hostDriver) || IsBystander(function)
            ? $"a part of the machine itself ({PciClasses.Name(function.ClassCode)}, "
                + $"{(hostDriver is null ? "no driver" : $"driver {hostDriver}")})"
            : null;

    public static bool IsSystem(PciFunction function, string? hostDriver) =>
        IsOfTheChipset(function) || (hostDriver is not null && IsSystemDriver(hostDriver));

    private static bool IsOfTheChipset(PciFunction function) =>
        function.IsIntegrated
        && (
            function.ClassCode >> 16 == MemoryController
            || Subclass(function) is HostBridge or IsaBridge or EisaBridge or SmBus or InterruptController or Iommu or EventCollector
            || (Subclass(function) == SerialBus && function.Vendor == Intel)
        );

    private static bool IsSystemDriver(string name) =>
        Drivers.Contains(name, StringComparer.Ordinal)
        || DriverBeginnings.Any(b => name.StartsWith(b, StringComparison.Ordinal))
        || DriverEnds.Any(e => name.EndsWith(e, StringComparison.Ordinal));

    private static uint Subclass(PciFunction function) => function.ClassCode >> 8;
}
