using System.Text;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory.Rendering;

/// <summary>The inventory as tables, one line for each device.</summary>
internal sealed class InventoryTable
{
    private const int WidestColumn = 40; // where the page is not endless

    private readonly InventoryPage _page;
    private readonly HostInventory _inventory;
    private readonly StringBuilder _text = new();

    private InventoryTable(InventoryPage page) => (_page, _inventory) = (page, page.Inventory);

    public static string Render(InventoryPage page) => new InventoryTable(page).Render();

    private string Render()
    {
        foreach (var line in InventoryView.Facts(_inventory.Facts))
            _text.AppendLine(InventoryView.Fit(line, _page.Width));
        if (_page.Classes.HasFlag(DeviceClasses.Pci))
            AppendPci();
        if (_page.Classes.HasFlag(DeviceClasses.Usb))
            AppendUsb();
        if (_page.Classes.HasFlag(DeviceClasses.Scsi))
            AppendScsi();
        if (_page.Classes.HasFlag(DeviceClasses.Mdev))
            AppendMdev();
        foreach (var line in InventoryView.Problems(_inventory, _page.Width))
            _text.AppendLine(line);
        return _text.ToString();
    }

    private void AppendPci()
    {
        Append(
            $"PCI ({Count(_inventory.Functions.Count, "function")}, "
                + $"{Count(_inventory.Groups.Values.Count(g => !g.Members.IsEmpty), "IOMMU group")})",
            ["ADDRESS", "GROUP", "NUMA", "CLASS", "ID", "DRIVER", Use, "DETAILS"],
            _inventory.Functions.Values.Select(f =>
                (string[])
                    [
                        f.Address.ToString(),
                        f.IommuGroup?.ToString() ?? "-",
                        f.NumaNode?.ToString() ?? "-",
                        InventoryView.ClassName(f.ClassCode),
                        InventoryView.Ids(f),
                        f.Driver ?? "-",
                        f.IsBridge && _page.Uses is not null ? "-" : _page.UseOf(f.Address),
                        Details(f, _inventory.GroupOf(f)),
                    ]
            )
        );
    }

    /// <summary>What sets this one apart first, its name last: names are what may be cut off.</summary>
    private string Details(PciFunction function, IommuGroup? group) =>
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
                function.Children.IsEmpty ? null : InventoryView.Children(function.Children, _page.Details),
                InventoryView.Name(function),
                function.Slot is { } slot && !function.IsVirtualFunction ? $"slot {slot}" : null,
            }.OfType<string>()
        );

    private void AppendUsb()
    {
        var devices = _inventory.UsbDevices;
        Append(
            $"USB ({Count(devices.Length, "device")})",
            ["PORT", "NAME", "ID", "BUS/DEV", "DRIVERS", "SERIAL", Use, "DETAILS"],
            devices.Select(d =>
                (string[])
                    [
                        d.Port.ToString(),
                        d.PortPath,
                        $"{d.Vendor}:{d.Product}",
                        $"{d.BusNumber:D3}/{d.DeviceNumber:D3}",
                        d.Drivers.IsEmpty ? "-" : string.Join(' ', d.Drivers),
                        d.Serial ?? "-",
                        _page.UseOf(d.Port),
                        Joined(
                            d.IsHub ? "hub" : null,
                            InventoryView.Children(d.Children, _page.Details),
                            $"{d.Manufacturer} {d.ProductName}".Trim()
                        ),
                    ]
            )
        );
    }

    private void AppendScsi()
    {
        var devices = _inventory.ScsiDevices;
        Append(
            $"SCSI ({Count(devices.Length, "device")})",
            ["ID", "ADDRESS", "NODE", "TYPE", "CONTROLLER", "SERIAL", "WWID", Use, "DETAILS"],
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
                        _page.UseOf(d.Id),
                        Joined(InventoryView.Children(d.Children, _page.Details), $"{d.Vendor} {d.Model}".Trim()),
                    ]
            )
        );
    }

    private void AppendMdev()
    {
        var inventory = _inventory;
        Append(
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
            $"Mediated devices ({inventory.Mdevs.Length})",
            ["UUID", "PARENT", "TYPE", "GROUP", Use, "MADE BY"],
            inventory.Mdevs.Select(m =>
                (string[])[m.Uuid.ToString(), m.Parent, m.TypeId, m.IommuGroup?.ToString() ?? "-", _page.UseOf(m.Uuid), m.MadeBy]
            )
        );
    }

    private static string Joined(params string?[] parts) => string.Join("; ", parts.Where(p => !string.IsNullOrEmpty(p)));

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    private const string Use = "USE";

    /// <summary>Columns as wide as their widest cell; the last takes the rest of the line. Use is left out where it is not known.</summary>
    private void Append(string title, string[] header, IEnumerable<string[]> rows)
    {
        _text.AppendLine().AppendLine(title);
        var lines = rows.Prepend(header).ToList();
        if (lines.Count == 1)
            return;
        var most = _page.Width == int.MaxValue ? int.MaxValue : WidestColumn;
        var widths = header.Select((_, column) => Math.Min(most, lines.Max(l => l[column].Length))).ToArray();
        var shown = Enumerable.Range(0, header.Length).Where(i => header[i] != Use || _page.Uses is not null).ToList();
        foreach (var line in lines)
        {
            var cells = shown.Select(i => i == line.Length - 1 ? line[i] : InventoryView.Fit(line[i], widths[i]).PadRight(widths[i]));
            _text.AppendLine(InventoryView.Fit("  " + string.Join("  ", cells), _page.Width));
        }
    }
}
