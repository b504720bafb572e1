using Hostdev.Crds;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Where mediated devices are made and removed (kernel <c>Documentation/ABI/testing/sysfs-bus-vfio-mdev</c>).</summary>
internal static class MdevFiles
{
    public const string CreateName = "create";

    public static KernelFile Create(string parent, string type) =>
        new($"/sys/class/mdev_bus/{parent}/mdev_supported_types/{type}/{CreateName}", CreateName);

    public static KernelFile Remove(MdevUuid uuid) => new($"/sys/bus/mdev/devices/{uuid}/remove", "remove");

    /// <summary>A link to the type; there as long as the device is.</summary>
    public static string TypeOf(MdevUuid uuid) => $"/sys/bus/mdev/devices/{uuid}/mdev_type";
}
