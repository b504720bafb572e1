using System.Globalization;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// NVMe controllers that are reached over a fabric: they and their disks are under <c>/sys/devices/virtual</c>, whatever adapter carries
/// them (kernel <c>drivers/nvme/host/fabrics.c</c>, <c>multipath.c</c>).
/// </summary>
public sealed class SimulatedFabrics
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;
    private readonly KernelCore _core;
    private readonly SimulatedStorage _storage;

    internal SimulatedFabrics(KernelCore core, SimulatedStorage storage) => (_core, _storage) = (core, storage);

    /// <summary><c>nvme connect</c>: returns the disk's name.</summary>
    /// <param name="transport"><c>fc</c>, <c>rdma</c>, <c>tcp</c>.</param>
    /// <param name="address">As the controller's <c>address</c> prints it: <c>traddr=...,host_traddr=...</c>.</param>
    /// <param name="multipath">Without it the disk is below the controller.</param>
    public string Connect(string transport, string address, bool multipath = true) =>
        _core.Locked(() =>
        {
            var index = _core.Indices.Take("nvme");
            var name = string.Create(Invariant, $"nvme{index}");
            var controller = "/sys/devices/virtual/nvme-fabrics/ctl/" + name;
            _core.Tree.AddDirectory(
                controller,
                directory =>
                {
                    directory.Attribute("transport", transport);
                    directory.Attribute("address", address);
                    directory.Attribute("state", "live");
                    directory.WriteLink("subsystem", "/sys/class/nvme");
                }
            );
            _core.Tree.WriteLink("/sys/class/nvme/" + name, controller);
            var subsystem = string.Create(Invariant, $"/sys/devices/virtual/nvme-subsystem/nvme-subsys{index}");
            _core.Tree.AddDirectory(subsystem, directory => directory.WriteLink(name, controller));
            _core.Tree.WriteLink(string.Create(Invariant, $"/sys/class/nvme-subsystem/nvme-subsys{index}"), subsystem);
            var disk = name + "n1";
            _ = _storage.AddDisk(disk, multipath ? subsystem : controller, multipath ? subsystem : controller, major: 259);
            return disk;
        });
}
