using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>Serial ports, and which of them the kernel prints on (kernel <c>fs/proc/consoles.c</c>).</summary>
internal sealed class SerialChildren(KernelCore core, SortedDictionary<string, string> consoles)
{
    private const int Major = 4;
    private const int FirstMinor = 64;
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>The board's own port, on which the machines of this kernel print.</summary>
    public void AddBoards()
    {
        Show("/sys/devices/pnp0/00:00/00:00:0/00:00:0.0", line: 0, isConsole: true);
        WriteConsoles();
    }

    public void Add(PciDevice device, ChildDescription.SerialPort serial)
    {
        var name = Show(device.Path, serial.Line, serial.IsConsole);
        WriteConsoles();
        device.Undo.Push(() =>
        {
            core.Tree.Remove("/sys/class/tty/" + name);
            core.Tree.Remove(device.Path + "/tty");
            core.RemoveNode("/dev/" + name);
            consoles.Remove(name);
            WriteConsoles();
        });
    }

    private string Show(string parent, int line, bool isConsole)
    {
        var name = string.Create(Invariant, $"ttyS{line}");
        var path = $"{parent}/tty/{name}";
        var minor = FirstMinor + line;
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("dev", $"{Major}:{minor}");
                directory.WriteFile("uevent", $"MAJOR={Major}\nMINOR={minor}\nDEVNAME={name}\n");
                directory.WriteLink("subsystem", "/sys/class/tty");
            }
        );
        core.Tree.WriteLink("/sys/class/tty/" + name, path);
        core.AddNode("/dev/" + name, new DeviceNumber(false, Major, (uint)minor), path, 0x180);
        if (isConsole)
            consoles[name] = string.Create(Invariant, $"{name, -21}-W- (EC  p a) {Major, 4}:{minor}");
        return name;
    }

    private void WriteConsoles()
    {
        core.Tree.WriteFile("/proc/consoles", string.Concat(consoles.Values.Select(line => line + "\n")), 0x124);
        core.Tree.WriteFile("/sys/devices/virtual/tty/console/active", string.Join(' ', consoles.Keys) + "\n", 0x124);
        core.Tree.WriteLink("/sys/class/tty/console", "/sys/devices/virtual/tty/console");
    }
}
