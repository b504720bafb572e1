using System.Collections.Immutable;
using System.Text;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory.Rendering;

/// <summary>The inventory as tables, one line for each device, at most <see cref="Width"/> columns wide.</summary>
internal static class InventoryTable
{
    public const int Width = 120;

    public static string Render(HostInventory inventory, DeviceClasses classes)
    {
        var text = new StringBuilder();
        foreach (var line in InventoryView.Facts(inventory.Facts))
            text.AppendLine(InventoryView.Fit(line, Width));
        if (classes.HasFlag(DeviceClasses.Pci))
            AppendPci(text, inventory);
        if (classes.HasFlag(DeviceClasses.Usb))
            AppendUsb(text, inventory.UsbDevices);
        if (classes.HasFlag(DeviceClasses.Scsi))
            AppendScsi(text, inventory.ScsiDevices);
        if (classes.HasFlag(DeviceClasses.Mdev))
            AppendMdev(text, inventory);
        foreach (var line in InventoryView.Problems(inventory, Width))
            text.AppendLine(line);
        return text.ToString();
    }

    private static void AppendPci(StringBuilder text, HostInventory inventory)
    {
        Append(
            text,
            $"PCI ({Count(inventory.Functions.Count, "function")}, "
                + $"{Count(inventory.Groups.Values.Count(g => !g.Members.IsEmpty), "IOMMU group")})",
            ["ADDRESS", "GROUP", "NUMA", "CLASS", "ID", "DRIVER", "DETAILS"],
            inventory.Functions.Values.Select(f =>
                (string[])
                    [
                        f.Address.ToString(),
                        f.IommuGroup?.ToString() ?? "-",
                        f.NumaNode?.ToString() ?? "-",
                        InventoryView.ClassName(f.ClassCode),
                        InventoryView.Ids(f),
                        f.Driver ?? "-",
                        Details(f, inventory.GroupOf(f)),
                    ]
            )
        );
    }

    /// <summary>What sets this one apart first, its name last: names are what may be cut off.</summary>
    private static string Details(PciFunction function, IommuGroup? group) =>
        string.Join(
            "; ",
            new[]
            {
                function.PhysicalFunction is { } physical ? $"VF {function.VfIndex?.ToString() ?? "?"} of {physical}" : null,
                InventoryView.VfCount(function),
                function.DriverOverride is { } wanted ? $"override {wanted}" : null,
                function.VfioVariantDriver is { } variant ? $"variant {variant}" : null,
                function.BootVga ? "boot VGA" : null,
                function.NetworkInterfaceElsewhere ? "interface in another network namespace" : null,
                function.IsBridge ? null : InventoryView.Group(group),
                function.Children.IsEmpty ? null : InventoryView.Children(function.Children),
                InventoryView.Name(function),
                function.Slot is { } slot && !function.IsVirtualFunction ? $"slot {slot}" : null,
            }.OfType<string>()
        );

    private static void AppendUsb(StringBuilder text, ImmutableArray<UsbDevice> devices)
    {
        Append(
            text,
            $"USB ({Count(devices.Length, "device")})",
            ["PORT", "NAME", "ID", "BUS/DEV", "DRIVERS", "SERIAL", "DETAILS"],
            devices.Select(d =>
                (string[])
                    [
                        d.Port.ToString(),
                        d.PortPath,
                        $"{d.Vendor}:{d.Product}",
                        $"{d.BusNumber:D3}/{d.DeviceNumber:D3}",
                        d.Drivers.IsEmpty ? "-" : string.Join(' ', d.Drivers),
                        d.Serial ?? "-",
                        Joined(d.IsHub ? "hub" : null, InventoryView.Children(d.Children), $"{d.Manufacturer} {d.ProductName}".Trim()),
                    ]
            )
        );
    }

    private static void AppendScsi(StringBuilder text, ImmutableArray<ScsiDevice> devices)
    {
        Append(
            text,
            $"SCSI ({Count(devices.Length, "device")})",
            ["ID", "ADDRESS", "NODE", "TYPE", "CONTROLLER", "SERIAL", "WWID", "DETAILS"],
            devices.Select(d =>
                (string[])
                    [
                        d.Id.ToString(),
                        d.Address,
                        d.Node,
                        InventoryView.ScsiType(d.Type),
                        d.Controller?.ToString() ?? "-",
                        d.Serial ?? "-",
                        d.Wwid ?? "-",
                        Joined(InventoryView.Children(d.Children), $"{d.Vendor} {d.Model}".Trim()),
                    ]
            )
        );
    }

    private static void AppendMdev(StringBuilder text, HostInventory inventory)
    {
        Append(
            text,
            $"Mediated device types ({Count(inventory.MdevParents.Length, "parent")})",
            ["PARENT", "NUMA", "TYPE", "AVAILABLE", "API", "NAME"],
            inventory.MdevParents.SelectMany(
                p => p.Types,
                (p, t) =>
                    (string[])
                        [
                            p.Name,
                            p.NumaNode?.ToString() ?? "-",
                            t.Id,
                            t.AvailableInstances.ToString(),
                            t.DeviceApi,
                            Joined(t.Name, t.Description?.ReplaceLineEndings(" ")),
                        ]
            )
        );
        var typed = inventory.Functions.Values.Where(f => f.Vgpu is not null).ToList();
        if (typed.Count > 0)
        {
            Append(
                text,
                $"Virtual functions with types of vGPU ({typed.Count})",
                ["ADDRESS", "PHYSICAL", "NUMA", "TYPE", "CREATABLE NOW"],
                typed.Select(f =>
                    (string[])
                        [
                            f.Address.ToString(),
                            f.PhysicalFunction!.Value.ToString(),
                            f.NumaNode?.ToString() ?? "-",
                            f.Vgpu!.TypeId ?? "-",
                            string.Join("; ", f.Vgpu.Creatable.Select(t => $"{t.Id} {t.Name}")),
                        ]
                )
            );
        }

        Append(
            text,
            $"Mediated devices ({inventory.Mdevs.Length})",
            ["UUID", "PARENT", "TYPE", "GROUP", "MADE BY"],
            inventory.Mdevs.Select(m => (string[])[m.Uuid.ToString(), m.Parent, m.TypeId, m.IommuGroup?.ToString() ?? "-", m.MadeBy])
        );
    }

    private static string Joined(params string?[] parts) => string.Join("; ", parts.Where(p => !string.IsNullOrEmpty(p)));

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    /// <summary>Columns as wide as their widest cell; the last takes the rest of the line.</summary>
    private static void Append(StringBuilder text, string title, string[] header, IEnumerable<string[]> rows)
    {
        text.AppendLine().AppendLine(title);
        var lines = rows.Prepend(header).ToList();
        if (lines.Count == 1)
            return;
        var widths = header.Select((_, column) => Math.Min(40, lines.Max(l => l[column].Length))).ToArray();
        foreach (var line in lines)
        {
            var cells = line.Select((cell, i) => i == line.Length - 1 ? cell : InventoryView.Fit(cell, widths[i]).PadRight(widths[i]));
            text.AppendLine(InventoryView.Fit("  " + string.Join("  ", cells), Width));
        }
    }
}
