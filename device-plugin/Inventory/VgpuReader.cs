using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads a virtual function's <c>nvidia</c> directory (NVIDIA vGPU, "vendor-specific VFIO framework"). The driver answers from the card, so
/// the reads may block.
/// </summary>
internal static class VgpuReader
{
    private const string Current = "nvidia/current_vgpu_type";

    /// <summary>In the order in which <see cref="Read"/> takes their texts.</summary>
    public static ImmutableArray<string> Files { get; } = [Current, "nvidia/creatable_vgpu_types"];

    public static bool IsOne(DeviceFiles device, PciFunction function) => function.IsVirtualFunction && device.Has("nvidia");

    /// <returns>Null where the driver has just let the function go, and its files with it.</returns>
    public static Vgpu? Read(DeviceFiles device, FileText current, FileText creatable)
    {
        if (current.IsAbsent || creatable.IsAbsent)
            return null;
        var number = device.Judge(Current, current);
        var list = device.Judge(Files[1], creatable, mayBeEmpty: true) ?? "";
        if (number is null || creatable.Text is null)
            return new Vgpu(null, []) { IsUnreadable = true };
        if (Vgpu.TryParseCurrent(number, out var type))
            return new Vgpu(type, VgpuType.ParseList(list));
        device.Report(Current, $"is no number of a type: \"{number}\"");
        return new Vgpu(null, []) { IsUnreadable = true };
    }
}
