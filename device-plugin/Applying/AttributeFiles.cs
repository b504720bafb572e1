using Hostdev.Planning;
using Hostdev.Planning.Attributes;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Files that policies name, as the kernel has them.</summary>
internal static class AttributeFiles
{
    public static KernelFile Of(AttributeFile file) =>
        file.Vf is null
            ? new(file.ToString(), file.Name) { Below = file.Directory }
            : new(file.ToString(), file.Name) { Through = file.Device.ToString() };
}
