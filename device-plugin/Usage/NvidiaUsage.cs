using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// What has a device of NVIDIA's own driver in the kernel, where no process shows it: that driver's <c>remove</c> waits for it without an
/// end. Processes (nvidia-persistenced, DCGM, CUDA) are <see cref="NodeUsage"/>'s, by the nodes that they have open.
/// </summary>
internal static class NvidiaUsage
{
    private const string Modeset = "/sys/module/nvidia_drm/parameters/modeset";

    /// <param name="names">What the function's directory holds.</param>
    public static IEnumerable<DeviceUser> UsersOf(HostFileReader files, PciFunction function, IReadOnlyList<string> names)
    {
        if (function.Driver != "nvidia" || !names.Contains("drm") || !files.Exists("/sys/module/nvidia_drm"))
            yield break;
        if (files.ReadText(Modeset).Text?.Trim() != "N") // without it the module draws nothing and opens no device
            yield return new DeviceUser(
                UserKind.KernelWaits,
                "nvidia_drm has it in the kernel: stop the display server and run \"modprobe -r nvidia_drm\""
            );
    }
}
