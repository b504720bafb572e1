using System.Text;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory.Rendering;

/// <summary>
/// The inventory as the hardware is wired: NUMA node, root port, switch, device, functions, virtual functions. Virtual functions hang below
/// their physical function, neighbours that are alike as one line; USB and SCSI devices and mdev types hang below their controller.
/// </summary>
internal sealed class InventoryTree
{
    private readonly InventoryPage page;
    private readonly HostInventory inventory;
    private readonly DeviceClasses classes;
    private readonly ILookup<PciAddress, PciFunction> below;
    private readonly StringBuilder text = new();

    private InventoryTree(InventoryPage page)
    {
        this.page = page;
        inventory = page.Inventory;
        classes = page.Classes;
        below = inventory.Functions.Values.Where(f => !IsShownOnPhysicalFunction(f) && !f.Path.IsEmpty).ToLookup(f => f.Path[^1]);
    }

    public static string Render(InventoryPage page)
    {
        var (inventory, classes) = (page.Inventory, page.Classes);
        var tree = new InventoryTree(page);
        foreach (var line in InventoryView.Facts(inventory.Facts))
            tree.Line(line);
        tree.AppendNodes();
        if (classes.HasFlag(DeviceClasses.Mdev))
            tree.AppendParentsWithoutFunction();
        foreach (var line in InventoryView.Problems(inventory, page.Width))
            tree.text.AppendLine(line);
        return tree.text.ToString();
    }

    private bool IsShownOnPhysicalFunction(PciFunction function) =>
        function.PhysicalFunction is { } physical && inventory.Functions.ContainsKey(physical);

    private void AppendNodes()
    {
        var roots = inventory.Functions.Values.Where(f =>
            !IsShownOnPhysicalFunction(f) && (f.Path.IsEmpty || !inventory.Functions.ContainsKey(f.Path[^1]))
        );
        foreach (var node in roots.GroupBy(f => f.NumaNode).OrderBy(g => g.Key ?? int.MaxValue))
        {
            Line("");
            Line(node.Key is { } number ? $"NUMA node {number}" : "No NUMA node");
            Append(Branches(node), "");
        }
    }

    /// <summary>
    /// Functions that share a slot are one device: a line for the device, then one for each function, unless there is only one.
    /// </summary>
    private List<Branch> Branches(IEnumerable<PciFunction> functions)
    {
        var branches = new List<Branch>();
        foreach (var slot in functions.GroupBy(f => f.Address.SlotName))
        {
            var members = slot.ToList();
            if (members.Count == 1)
                branches.Add(BranchOf(members[0]));
            else
                branches.Add(new Branch($"{slot.Key} {Groups(members)}{Slot(members[0])}".TrimEnd(), () => [.. members.Select(BranchOf)]));
        }

        return branches;
    }

    private Branch BranchOf(PciFunction function) =>
        new(
            Describe(function)
                + (
                    function.Address.Function == 0
                    && inventory.Functions.Values.All(f => f == function || f.Address.SlotName != function.Address.SlotName)
                        ? Slot(function)
                        : ""
                ),
            () => [.. VirtualFunctions(function), .. Below(function), .. Branches(below[function.Address])]
        );

    private string? Use(DeviceId device) => page.UseOf(device) is { Length: > 1 } use ? $"<{use}>" : null;

    private static string Slot(PciFunction function) => function.Slot is { } slot ? $"  slot {slot}" : "";

    private static string Groups(List<PciFunction> functions)
    {
        var groups = functions.Select(f => f.IommuGroup).OfType<int>().Distinct().ToList();
        return groups.Count switch
        {
            0 => "",
            1 => $"group {groups[0]}",
            _ => $"groups {string.Join(' ', groups)}",
        };
    }

    private string Describe(PciFunction function) =>
        string.Join(
            "  ",
            new[]
            {
                $"{function.Address} {InventoryView.ClassName(function.ClassCode)} {InventoryView.Ids(function)}",
                Binding(function),
                InventoryView.VfCount(function),
                function.BootVga ? "boot VGA" : null,
                function.NetworkInterfaceElsewhere ? "interface in another network namespace" : null,
                function.IsBridge ? null : InventoryView.Group(inventory.GroupOf(function)),
                function.Children.IsEmpty ? null : $"[{InventoryView.Children(function.Children, page.Details)}]",
                InventoryView.Name(function),
                function.IsBridge ? null : Use(function.Address),
            }.OfType<string>()
        );

    private static string Binding(PciFunction function) =>
        (function.IommuGroup is { } group ? $"group {group} " : "")
        + (function.Driver ?? "no driver")
        + (function.DriverOverride is { } wanted && wanted != function.Driver ? $" (override {wanted})" : "");

    /// <summary>Neighbours by index with the same id, driver and override make one line.</summary>
    private IEnumerable<Branch> VirtualFunctions(PciFunction physical)
    {
        if (physical.Sriov is null)
            yield break;
        var run = new List<PciFunction>();
        foreach (
            var function in inventory
                .Functions.Values.Where(f => f.PhysicalFunction == physical.Address)
                .OrderBy(f => f.VfIndex ?? int.MaxValue)
                .ThenBy(f => f.Address)
                .Append(null)
        )
        {
            if (run.Count > 0 && (function is null || !Alike(run[^1], function)))
            {
                yield return new Branch(DescribeRun(run), () => []);
                run.Clear();
            }

            if (function is not null)
                run.Add(function);
        }
    }

    private static bool Alike(PciFunction a, PciFunction b) =>
        a.VfIndex + 1 == b.VfIndex
        && a.Device == b.Device
        && a.Driver == b.Driver
        && a.DriverOverride == b.DriverOverride
        && a.NumaNode == b.NumaNode
        && a.Children.Select(c => c.Kind).SequenceEqual(b.Children.Select(c => c.Kind))
        && a.IommuGroup is null == b.IommuGroup is null
        && !a.NetworkInterfaceElsewhere
        && !b.NetworkInterfaceElsewhere;

    private string DescribeRun(List<PciFunction> run)
    {
        var first = run[0];
        if (run.Count == 1)
            return $"VF {first.VfIndex?.ToString() ?? "?"}: {Describe(first)}";
        var children = InventoryView.Children(run.SelectMany(f => f.Children), page.Details);
        return $"VF {first.VfIndex}-{run[^1].VfIndex}: {first.Address} to {run[^1].Address} {InventoryView.Ids(first)}  "
            + $"{GroupRange(run)}{first.Driver ?? "no driver"}"
            + (first.DriverOverride is { } wanted && wanted != first.Driver ? $" (override {wanted})" : "")
            + (children.Length == 0 ? "" : $"  [{children}]");
    }

    private static string GroupRange(List<PciFunction> run)
    {
        var groups = run.Select(f => f.IommuGroup).OfType<int>().Distinct().ToList();
        if (groups.Count == 0)
            return "";
        if (groups.Count == 1)
            return $"group {groups[0]} ";
        var isRange = groups.Zip(groups.Skip(1)).All(p => p.First + 1 == p.Second);
        return isRange ? $"groups {groups[0]}-{groups[^1]} " : $"groups {string.Join(',', groups)} ";
    }

    private IEnumerable<Branch> Below(PciFunction function)
    {
        if (classes.HasFlag(DeviceClasses.Usb))
            foreach (var usb in inventory.UsbDevices.Where(d => d.Controller == function.Address))
                yield return new Branch(DescribeUsb(usb), () => []);
        if (classes.HasFlag(DeviceClasses.Scsi))
            foreach (var scsi in inventory.ScsiDevices.Where(d => d.Controller == function.Address))
                yield return new Branch(DescribeScsi(scsi), () => []);
        if (!classes.HasFlag(DeviceClasses.Mdev))
            yield break;
        foreach (var parent in inventory.MdevParentsOn(function.Address))
        foreach (var branch in MdevBranches(parent))
            yield return branch;
    }

    private string DescribeUsb(UsbDevice usb) =>
        $"USB {usb.Port} {usb.PortPath} {usb.Vendor}:{usb.Product} {(usb.IsHub ? "hub " : "")}".TrimEnd()
        + $" {usb.Manufacturer} {usb.ProductName}".TrimEnd()
        + (usb.Serial is { } serial ? $" serial {serial}" : "")
        + (usb.Drivers.IsEmpty ? "" : $"  {string.Join(' ', usb.Drivers)}")
        + (usb.Children.IsEmpty ? "" : $"  [{InventoryView.Children(usb.Children, page.Details)}]")
        + (Use(usb.Port) is { } use ? $"  {use}" : "");

    private string DescribeScsi(ScsiDevice scsi) =>
        $"SCSI {scsi.Id} {scsi.Address} {InventoryView.ScsiType(scsi.Type)} {scsi.Vendor} {scsi.Model}".TrimEnd()
        + (scsi.Serial is { } serial ? $" serial {serial}" : "")
        + $"  {scsi.Node}"
        + (scsi.Children.IsEmpty ? "" : $"  [{InventoryView.Children(scsi.Children, page.Details)}]")
        + (Use(scsi.Id) is { } use ? $"  {use}" : "");

    private IEnumerable<Branch> MdevBranches(MdevParent parent) =>
        parent.Types.Select(type => new Branch(
            $"mdev type {type.Id}{(type.Name is { } name ? $" ({name})" : "")}: {type.AvailableInstances} more fit",
            () =>
                [
                    .. inventory
                        .Mdevs.Where(m => m.Parent == parent.Name && m.TypeId == type.Id)
                        .Select(m => new Branch(
                            $"{m.Uuid}{(m.IommuGroup is { } g ? $"  group {g}" : "")}  made by {m.MadeBy}"
                                + (Use(m.Uuid) is { } use ? $"  {use}" : ""),
                            () => []
                        )),
                ]
        ));

    private void AppendParentsWithoutFunction()
    {
        foreach (var parent in inventory.MdevParents.Where(p => p.PciAddress is null))
        {
            Line("");
            Line($"mdev parent {parent.Name}");
            Append([.. MdevBranches(parent)], "");
        }
    }

    private void Append(List<Branch> branches, string indent)
    {
        for (var i = 0; i < branches.Count; i++)
        {
            var last = i == branches.Count - 1;
            Line($"{indent}{(last ? "└─ " : "├─ ")}{branches[i].Label}");
            Append(branches[i].Children(), indent + (last ? "   " : "│  "));
        }
    }

    private void Line(string line) => text.AppendLine(InventoryView.Fit(line, page.Width));

    private sealed record Branch(string Label, Func<List<Branch>> Children);
}
