using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// The board's own keyboard port (kernel <c>drivers/input/serio/{i8042,serio}.c</c>, <c>drivers/input/keyboard/atkbd.c</c>).
/// </summary>
internal static class SerioBus
{
    private const string Port = "/sys/devices/platform/i8042/serio0";
    private const string Driver = "/sys/bus/serio/drivers/atkbd";
    private const string Bound = Driver + "/serio0";

    /// <summary>A keyboard is plugged in, and its driver has it until somebody takes it from it.</summary>
    public static void AddKeyboard(KernelCore core)
    {
        core.Tree.AddDirectory(Port, directory => directory.WriteFile("drvctl", "", 0x80));
        core.Tree.WriteLink("/sys/bus/serio/devices/serio0", Port);
        core.Tree.MakeDirectory(Driver);
        core.Tree.WriteFile(Driver + "/unbind", "", 0x80);
        core.Tree.WriteLink(Bound, Port);
        core.Attribute(
            Driver + "/unbind",
            name =>
            {
                if (name.Trim() != "serio0" || !core.Tree.Exists(Bound))
                    return Errno.ENODEV;
                core.Tree.Remove(Bound);
                return Errno.None;
            }
        );
        core.Attribute(
            Port + "/drvctl",
            name =>
            {
                if (name.Trim() != "atkbd")
                    return Errno.EINVAL;
                core.Tree.WriteLink(Bound, Port);
                return Errno.None;
            }
        );
    }
}
