using System.Globalization;
using System.Text;

namespace Hostdev.Sandbox.Kernel;

/// <summary>The sysfs directory of a PCI function, as Linux 6.12 prints it.</summary>
internal static class PciFunctionFiles
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public static void Write(DirectoryDraft directory, PciDevice device)
    {
        WriteIdentity(directory, device);
        WriteResources(directory, device);
        WriteLinks(directory, device);
        if (device.Description.Sriov is { } sriov)
            WriteSriov(directory, sriov);
        if (device.Description.IsBridge)
            WriteBridge(directory, device);
        if (device.PhysicalFunction is not null)
            directory.WriteFile("sriov_vf_msix_count", "", 0x80);
        else
        {
            directory.WriteFile("remove", "", 0x90);
            directory.WriteFile("rescan", "", 0x80);
        }
    }

    /// <summary>The <c>uevent</c> file: the environment that events of this device carry.</summary>
    public static string Uevent(PciDevice device) =>
        string.Concat(Environment(device, withDriver: true).Select(entry => $"{entry.Key}={entry.Value}\n"));

    public static (string Key, string Value)[] Environment(PciDevice device, bool withDriver, bool withModalias = true)
    {
        var d = device.Description;
        List<(string, string)> entries = [];
        if (withDriver && device.Driver is { } driver)
            entries.Add(("DRIVER", driver.Name));
        entries.Add(("PCI_CLASS", d.Class.ToString("X4", Invariant)));
        entries.Add(("PCI_ID", string.Create(Invariant, $"{d.Vendor.Value:X4}:{d.Device.Value:X4}")));
        entries.Add(("PCI_SUBSYS_ID", string.Create(Invariant, $"{d.SubsystemVendor.Value:X4}:{d.SubsystemDevice.Value:X4}")));
        entries.Add(("PCI_SLOT_NAME", d.Address.ToString()));
        if (withModalias)
            entries.Add(("MODALIAS", device.Modalias));
        return [.. entries];
    }

    private static void WriteIdentity(DirectoryDraft directory, PciDevice device)
    {
        var d = device.Description;
        directory.Attribute("vendor", $"0x{d.Vendor}");
        directory.Attribute("device", $"0x{d.Device}");
        directory.Attribute("subsystem_vendor", $"0x{d.SubsystemVendor}");
        directory.Attribute("subsystem_device", $"0x{d.SubsystemDevice}");
        directory.Attribute("class", string.Create(Invariant, $"0x{d.Class:x6}"));
        directory.Attribute("revision", string.Create(Invariant, $"0x{d.Revision:x2}"));
        directory.Attribute("modalias", device.Modalias);
        directory.WriteFile("uevent", Uevent(device));
        directory.WriteFile("numa_node", d.NumaNode.ToString(Invariant) + "\n");
        directory.Attribute("local_cpulist", d.NumaNode < 0 ? "0-1" : d.NumaNode.ToString(Invariant));
        directory.WriteFile("driver_override", "(null)\n");
        directory.WriteFile("enable", "0\n");
        if (d.BootVga is { } bootVga)
            directory.Attribute("boot_vga", bootVga ? "1" : "0");
        if (d.ResetMethods.Length == 0)
            return;
        directory.WriteFile("reset_method", d.ResetMethods + "\n");
        directory.WriteFile("reset", "", 0x80);
    }

    private static void WriteResources(DirectoryDraft directory, PciDevice device)
    {
        var d = device.Description;
        var text = new StringBuilder();
        for (var index = 0; index < (d.IsBridge ? 17 : 13); index++)
        {
            var bar = d.Bars.FirstOrDefault(bar => bar.Index == index);
            var (start, end, flags) = bar is null ? (0UL, 0UL, 0UL) : (bar.Start, bar.Start + bar.Size - 1, bar.Flags);
            text.Append(Invariant, $"0x{start:x16} 0x{end:x16} 0x{flags:x16}\n");
            if (bar is not null && index < 6)
                directory.WriteFile(string.Create(Invariant, $"resource{index}"), "", 0x180);
        }

        directory.WriteFile("resource", text.ToString(), 0x124);
        directory.WriteBytes("config", PciHealth.Header(device));
        if (d.Aer)
        {
            foreach (var severity in Enum.GetValues<ErrorSeverity>())
                directory.WriteFile(PciHealth.ErrorFile(severity), PciHealth.Errors(severity, 0), 0x124);
        }

        if (d is { Aer: true, IsBridge: true } && device.Parent is null)
        {
            foreach (var severity in Enum.GetValues<ErrorSeverity>())
                directory.WriteFile(PciHealth.ReceivedFile(severity), "0\n", 0x124);
        }
    }

    private static void WriteLinks(DirectoryDraft directory, PciDevice device)
    {
        if (device.Description.LinkWidth is { } lanes)
            directory.WriteFile("current_link_width", lanes.ToString(Invariant) + "\n", 0x124);
        directory.WriteLink("subsystem", "/sys/bus/pci");
        if (device.Group is { } group)
            directory.WriteLink("iommu_group", string.Create(Invariant, $"/sys/kernel/iommu_groups/{group.Number}"));
        if (device.PhysicalFunction is { } pf)
            directory.WriteLink("physfn", pf.Path);
        directory.AddDirectory(
            "power",
            power =>
            {
                power.WriteFile("control", "on\n");
                power.Attribute("runtime_status", "active");
            }
        );
    }

    private static void WriteSriov(DirectoryDraft directory, SriovDescription sriov)
    {
        directory.Attribute("sriov_totalvfs", sriov.TotalVfs.ToString(Invariant));
        directory.WriteFile("sriov_numvfs", "0\n");
        directory.Attribute("sriov_offset", sriov.Offset.ToString(Invariant));
        directory.Attribute("sriov_stride", sriov.Stride.ToString(Invariant));
        // Without padding, as the kernel prints it: 0x0010 is "10".
        directory.Attribute("sriov_vf_device", sriov.VfDevice.Value.ToString("x", Invariant));
        directory.WriteFile("sriov_drivers_autoprobe", "1\n");
        directory.Attribute("sriov_vf_total_msix", "0");
    }

    /// <summary>
    /// The last bus behind a bridge. The kernel's own scan keeps numbers for virtual functions that are not there (drivers/pci/probe.c:
    /// pci_scan_child_bus_extend); what the firmware has set stays.
    /// </summary>
    public static int SubordinateBus(FunctionDescription bridge)
    {
        static int Last(FunctionDescription f) =>
            f.Sriov is { } sriov ? (f.Address.RoutingId + sriov.Offset + (sriov.Stride * (sriov.TotalVfs - 1))) >> 8 : f.Address.Bus;
        static IEnumerable<int> Buses(FunctionDescription bridge) =>
            bridge.Behind.SelectMany(behind => Buses(behind).Append(behind.Address.Bus).Append(Last(behind)));
        return bridge.SubordinateBus ?? Buses(bridge).DefaultIfEmpty(0).Max();
    }

    private static void WriteBridge(DirectoryDraft directory, PciDevice device)
    {
        directory.Attribute(
            "secondary_bus_number",
            (device.Description.Behind is [var first, ..] ? first.Address.Bus : 0).ToString(Invariant)
        );
        directory.Attribute("subordinate_bus_number", SubordinateBus(device.Description).ToString(Invariant));
    }
}
