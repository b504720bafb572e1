using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Where the kernel prints, also with nobody logged in there: a serial port on a PCI function or below a USB controller (kernel
/// <c>fs/proc/consoles.c</c>).
/// </summary>
internal sealed class KernelConsoles
{
    private const string Terminals = "/sys/class/tty";
    private readonly ILookup<DeviceId, string> _byDevice;

    public KernelConsoles(HostFileReader files, DeviceTree tree)
    {
        // ttyS4                -W- (EC  p a)    4:68
        var consoles = files
            .ReadLines("/proc/consoles")
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w.Length > 0)
            .Select(w => (Name: w[0], Number: w[^1]))
            .Concat(
                (files.ReadText($"{Terminals}/console/active").Text ?? "")
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Select(n => (Name: n, Number: ""))
            )
            .DistinctBy(c => c.Name)
            .ToList();
        Names = [.. consoles.Select(c => c.Name)];
        _byDevice = consoles
            .SelectMany(c =>
                (files.ResolveLink($"{Terminals}/{c.Name}") ?? files.ResolveLink($"/sys/dev/char/{c.Number}")) is { } path
                    ? tree.DevicesOn(path).Select(f => (Device: f, c.Name))
                    : []
            )
            .ToLookup(c => c.Device, c => c.Name);
    }

    /// <summary>As the kernel names them: <c>ttyS4</c>, <c>hvc0</c>.</summary>
    public IReadOnlyList<string> Names { get; }

    public IEnumerable<string> On(DeviceId device) => _byDevice[device];
}
