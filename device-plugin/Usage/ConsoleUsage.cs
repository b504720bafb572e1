using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Whether a function shows what the host's people look at (docs/adr/0007): it is the boot VGA, one of its displays is switched on, it is a
/// framebuffer without a display driver, or the firmware's framebuffer lies in its memory; or whether the kernel prints on a terminal below
/// it. A graphics card that shows nothing is no console, whatever driver it has.
/// </summary>
internal sealed class ConsoleUsage(HostFileReader files, DeviceTree tree, KernelConsoles consoles)
{
    private readonly Lazy<ILookup<DeviceId, string>> _displays = new(() => Displays(files, tree).ToLookup(d => d.Function, d => d.Text));
    private readonly Lazy<List<MemoryRange>> _firmware = new(() =>
        [.. files.ReadLines("/proc/iomem").Select(MemoryRange.OfFramebuffer).OfType<MemoryRange>()]
    );

    public IEnumerable<DeviceUser> UsersOf(PciFunction function)
    {
        if (function.BootVga)
            yield return new DeviceUser(UserKind.Console, "it is the console (boot VGA)");
        foreach (var user in UsersOf((DeviceId)function.Address))
            yield return user;
        foreach (var range in _firmware.Value.Where(r => Bars(function.Address).Any(r.Overlaps)))
        {
            yield return new DeviceUser(
                UserKind.Console,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the firmware's framebuffer is in its memory ({range.Name} at 0x{range.Start:x} in /proc/iomem)"
                )
            );
        }
    }

    /// <summary>What is true of a device of any class: the kernel prints on it, or it shows something (a display adapter on USB).</summary>
    public IEnumerable<DeviceUser> UsersOf(DeviceId device) =>
        consoles
            .On(device)
            .Select(name => $"the kernel's console {name} is on it")
            .Concat(_displays.Value[device])
            .Select(text => new DeviceUser(UserKind.Console, text));

    /// <summary>
    /// A connector is enabled while something is shown on it, the console or a desktop, blanked or not (kernel
    /// <c>drivers/gpu/drm/drm_sysfs.c: enabled_show</c>). A framebuffer of a drm driver says less: each card with a monitor gets one, and
    /// the console is on one of them.
    /// </summary>
    private static IEnumerable<(DeviceId Function, string Text)> Displays(HostFileReader files, DeviceTree tree)
    {
        const string drm = "/sys/class/drm";
        const string graphics = "/sys/class/graphics";
        var paths = files.List(drm).Select(n => files.ResolveLink($"{drm}/{n}")).OfType<string>().ToList();
        var ofDrm = paths.SelectMany(tree.DevicesOn).ToHashSet();
        foreach (var path in paths.Where(p => files.ReadText(p + "/enabled").Text == "enabled"))
        {
            foreach (var function in tree.DevicesOn(path))
                yield return (function, $"its display {SysfsPath.LastName(path)} is switched on");
        }

        foreach (
            var path in files
                .List(graphics)
                .Where(n => n.StartsWith("fb", StringComparison.Ordinal) && n != "fbcon")
                .Select(n => files.ResolveLink($"{graphics}/{n}"))
                .OfType<string>()
        )
        {
            foreach (var function in tree.DevicesOn(path).Where(f => !ofDrm.Contains(f)))
                yield return (function, $"it is the host's framebuffer {SysfsPath.LastName(path)} ({files.ReadText(path + "/name").Text})");
        }
    }

    /// <summary>The first six lines of <c>resource</c>: start, end, flags (kernel <c>include/linux/ioport.h</c>).</summary>
    private IEnumerable<MemoryRange> Bars(DeviceId function) =>
        files
            .ReadLines($"/sys/bus/pci/devices/{function}/resource")
            .Take(6)
            .Select(l => l.Split(' '))
            .Select(f => f is [['0', 'x', .. var start], ['0', 'x', .. var end], _] ? MemoryRange.Parse(start, end, "") : null)
            .OfType<MemoryRange>()
            .Where(r => r.Start > 0);
}

/// <summary>A line of /proc/iomem, or a BAR; both ends included.</summary>
internal sealed record MemoryRange(ulong Start, ulong End, string Name)
{
    // Who claims a framebuffer that the firmware set up: drivers/firmware/sysfb, then drivers/video/fbdev/{efifb,vesafb,simplefb} or
    // drivers/gpu/drm/{tiny,sysfb}.
    private static readonly string[] Framebuffers =
    [
        "BOOTFB",
        "efifb",
        "vesafb",
        "simplefb",
        "simpledrm",
        "simple-framebuffer",
        "efidrm",
        "vesadrm",
        "ofdrm",
    ];

    public static MemoryRange? OfFramebuffer(string line)
    {
        if (line.Split(" : ", 2) is not [var range, var name] || range.Split('-') is not [var start, var end])
            return null;
        return Framebuffers.Any(f => name == f || name.StartsWith(f + ".", StringComparison.Ordinal))
            ? Parse(start.Trim(), end, name)
            : null;
    }

    public static MemoryRange? Parse(string start, string end, string name) =>
        ulong.TryParse(start, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var first)
        && ulong.TryParse(end, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var last)
            ? new MemoryRange(first, last, name)
            : null;

    public bool Overlaps(MemoryRange other) => Start <= other.End && other.Start <= End;
}
