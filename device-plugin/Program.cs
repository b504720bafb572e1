namespace Hostdev.DevicePlugin;

internal static class Program
{
    public static int Main() => 0;
}
