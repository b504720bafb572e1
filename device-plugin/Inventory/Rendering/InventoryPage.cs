using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory.Rendering;

/// <summary>What is printed of an inventory, and on how wide a page.</summary>
public sealed record InventoryPage(HostInventory Inventory, DeviceClasses Classes)
{
    /// <summary>Columns; what is wider is cut. No limit where no terminal shows it: whoever searches a pipe wants all of it.</summary>
    public int Width { get; init; } = int.MaxValue;

    /// <summary>How each device is used, in a few words; null where that was not asked, as of a machine that is not this one.</summary>
    public ImmutableSortedDictionary<DeviceId, string>? Uses { get; init; }

    /// <summary>Of interfaces and disks, by their names; empty where that was not read.</summary>
    public ImmutableSortedDictionary<string, ChildDetails> Details { get; init; } = ImmutableSortedDictionary<string, ChildDetails>.Empty;

    /// <summary>Nothing where it was not asked.</summary>
    internal string UseOf(DeviceId device) => Uses is null ? "" : Uses.GetValueOrDefault(device, "-");
}

/// <summary>What an interface or disk says of itself. All of it may be absent.</summary>
/// <param name="Mac">Of an interface.</param>
/// <param name="Bytes">How large a disk is.</param>
public sealed record ChildDetails(string? Mac = null, long? Bytes = null, string? Model = null, string? Serial = null)
{
    /// <summary>For example <c>00:15:17:00:00:20</c>, or <c>3.5 TiB SAMSUNG MZQL23T8 S64HNE0R</c>.</summary>
    public string InWords => string.Join(' ', new[] { Mac, Bytes is { } bytes ? Size(bytes) : null, Model, Serial }.OfType<string>());

    private static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        var (size, unit) = ((double)bytes, 0);
        for (; size >= 1024 && unit < units.Length - 1; unit++)
            size /= 1024;
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{size:0.#} {units[unit]}");
    }
}
