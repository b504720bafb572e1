using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads mediated device parents, their types, and the existing devices (kernel <c>Documentation/ABI/testing/sysfs-bus-vfio-mdev</c>).
/// </summary>
internal sealed class MdevReader(HostFileReader files)
{
    private const string Parents = "/sys/class/mdev_bus";
    private const string Devices = "/sys/bus/mdev/devices";

    public ImmutableArray<MdevParent> ReadParents(List<ReadProblem> problems)
    {
        var parents = ImmutableArray.CreateBuilder<MdevParent>();
        foreach (var name in files.List(Parents))
        {
            var device = new DeviceFiles(files, files.ResolveLink($"{Parents}/{name}") ?? $"{Parents}/{name}");
            var types = files.List(device.PathOf("mdev_supported_types")).Select(id => ReadType(device, id, problems)).OfType<MdevType>();
            var parent = new MdevParent
            {
                Name = name,
                PciAddress = PciAddress.TryParse(SysfsPath.LastName(device.Path), out var address) ? address : null,
                NumaNode = device.Integer("numa_node") is >= 0 and var node ? node : null,
                Types = [.. types],
            };
            if (device.Settle(problems))
                parents.Add(parent);
        }

        return parents.ToImmutable();
    }

    public ImmutableArray<MdevDevice> ReadDevices(List<ReadProblem> problems)
    {
        var devices = ImmutableArray.CreateBuilder<MdevDevice>();
        foreach (var name in files.List(Devices))
        {
            if (!MdevUuid.TryParse(name, out var uuid))
            {
                problems.Add(new ReadProblem($"{Devices}/{name}", "is no UUID"));
                continue;
            }

            var device = new DeviceFiles(files, files.ResolveLink($"{Devices}/{name}") ?? $"{Devices}/{name}");
            var type = device.LinkName("mdev_type");
            if (type is null)
                device.Report("mdev_type", "is not there");
            var (cdev, hasNode) = device.VfioCdev();
            var mdev = new MdevDevice
            {
                Uuid = uuid,
                Parent = SysfsPath.LastName(SysfsPath.Parent(device.Path)),
                TypeId = type ?? "",
                IommuGroup = device.IommuGroup(),
                VfioCdev = cdev,
                HasVfioCdevNode = hasNode,
            };
            // One that is being removed loses its attributes first: no device any more and no problem.
            if ((type is not null || files.Exists($"{Devices}/{name}")) && device.Settle(problems))
                devices.Add(mdev);
        }

        return devices.ToImmutable();
    }

    private MdevType? ReadType(DeviceFiles parent, string id, List<ReadProblem> problems)
    {
        var type = new DeviceFiles(files, parent.PathOf($"mdev_supported_types/{id}"));
        var read = new MdevType(
            id,
            type.Text("name"),
            type.RequiredInteger("available_instances"),
            type.Required("device_api") ?? "",
            type.Text("description", mayBeEmpty: true)
        );
        return type.Settle(problems) ? read : null;
    }
}
