using System.Collections.Immutable;
using Hostdev.Kube.Meta;
using Hostdev.Planning.Inventory;

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
    public static string ClassName(uint classCode) => PciClasses.Name(classCode);

    public static string Ids(PciFunction function) => $"{function.Vendor}:{function.Device}";

    /// <summary>The device's name, which mostly tells the vendor's; else the vendor's.</summary>
    public static string? Name(PciFunction function) => function.DeviceName ?? function.VendorName;

    /// <summary>"2 of 7 VFs", or "? of 7 VFs" when the count could not be read in time.</summary>
    public static string? VfCount(PciFunction function) =>
        function.Sriov is { } sriov ? $"{(sriov.NumVfs is { } count ? count.ToString() : "?")} of {sriov.TotalVfs} VFs" : null;

    /// <summary>Names; nodes as they are called under <c>/dev</c>, since <c>bsg/0:0:0:0</c> says more than <c>0:0:0:0</c>.</summary>
    public static string Children(IEnumerable<ChildDevice> children, ImmutableSortedDictionary<string, ChildDetails> details) =>
        string.Join(
            ' ',
            children.Select(c =>
                c switch
                {
                    { Kind: ChildKind.MdevParent } => "mdev-parent",
                    { Kind: ChildKind.CharacterDevice, Node: { } node } => node["/dev/".Length..],
                    _ => details.TryGetValue(c.Name, out var known) ? $"{c.Name} ({known.InWords})" : c.Name,
                }
            )
        );

    /// <summary>
    /// What of its group keeps a function from a VM, or may: members that are no PCI functions, and ranges that the firmware keeps. Null
    /// when nothing is.
    /// </summary>
    public static string? Group(IommuGroup? group)
    {
        if (group is null || (group.OtherMembers.IsEmpty && group.DirectRegions.IsEmpty))
            return null;
        var members = group.OtherMembers.Select(m => $"{m.Name} ({m.Driver ?? "no driver"})");
        return string.Join(
            "; ",
            (
                (string?[])
                    [
                        group.OtherMembers.IsEmpty ? null : $"shares its group with {string.Join(", ", members)}",
                        group.DirectRegions.IsEmpty ? null : $"for no VM: direct region {string.Join(", ", group.DirectRegions)}",
                    ]
            ).OfType<string>()
        );
    }

    public static string ScsiType(int type) =>
        type switch
        {
            0 => "disk",
            1 => "tape",
            5 => "CD/DVD",
            7 => "optical",
            8 => "changer",
            12 => "RAID",
            13 => "enclosure",
            _ => $"type {type}",
        };

    public static string Yes(bool value) => value ? "yes" : "no";

    /// <summary>The host in two or three lines.</summary>
    public static IEnumerable<string> Facts(HostFacts facts)
    {
        var remapping = facts.InterruptRemapping switch
        {
            InterruptRemapping.NotApplicable => "not applicable",
            var other => other.ToString().ToLowerInvariant(),
        };
        yield return $"Linux {facts.KernelRelease} {facts.Architecture}, IOMMU {(facts.IommuEnabled ? "on" : "OFF")}, interrupt "
            + $"remapping {remapping}"
            + (facts.UnsafeInterruptsAllowed || facts.IommufdUnsafeInterruptsAllowed ? ", unsafe interrupts allowed" : "")
            + (facts.Iommufd ? ", iommufd" : "");
        yield return "Passthrough drivers: "
            + $"{(facts.PassthroughDrivers.IsEmpty ? "none loaded" : string.Join(' ', facts.PassthroughDrivers))}";
        if (!facts.KernelArguments.IsEmpty)
            yield return $"Kernel arguments: {string.Join(' ', facts.KernelArguments)}";
    }

    /// <summary>Path and complaint in one line, or in two where one is too narrow: neither may be cut off.</summary>
    public static IEnumerable<string> Problems(HostInventory inventory, int width)
    {
        if (inventory.Problems.IsEmpty)
            yield break;
        yield return "";
        yield return inventory.Problems.Length == 1
            ? "1 attribute could not be read:"
            : $"{inventory.Problems.Length} attributes could not be read:";
        foreach (var problem in inventory.Problems)
        {
            var fits = problem.Path.Length + problem.Message.Length + 3 <= width;
            yield return fits ? $"  {problem.Path} {problem.Message}" : $"  {problem.Path}";
            if (!fits)
                yield return $"    {problem.Message}";
        }
    }

    /// <summary>
    /// One line, whatever a device calls itself, and no wider than the page, its end showing that something is missing: every line of table
    /// and tree comes through here.
    /// </summary>
    public static string Fit(string text, int width)
    {
        text = PrintableText.Of(text);
        return text.Length <= width ? text.TrimEnd() : string.Concat(text.AsSpan(0, width - 1), "…");
    }
}
