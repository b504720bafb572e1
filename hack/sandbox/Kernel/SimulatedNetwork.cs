using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>Who uses a network interface (contracts/kernel.md, "Proof that it is free": NICs).</summary>
public sealed class SimulatedNetwork
{
    private readonly KernelCore _core;
    private ImmutableArray<InterfaceAddress> _addresses = [];

    internal SimulatedNetwork(KernelCore core) => _core = core;

    public ImmutableArray<InterfaceAddress> Addresses => _core.Locked(() => _addresses);

    public void AddAddress(string name, string address) => _core.Locked(() =>
    {
        var local = address.StartsWith("fe80:", StringComparison.OrdinalIgnoreCase) || address.StartsWith("169.254.", StringComparison.Ordinal);
        _addresses = _addresses.Add(new InterfaceAddress(name, address, local));
    });

    public void RemoveAddress(string name, string address) => _core.Locked(() =>
        _addresses = _addresses.RemoveAll(known => known.Interface == name && known.Address == address));

    /// <summary>A bond, bridge or macvlan on top: <c>upper_NAME</c> and <c>master</c> below the interface.</summary>
    public void AddUpper(string name, string upper) => _core.Locked(() =>
    {
        var path = "/sys/devices/virtual/net/" + upper;
        _core.Tree.AddDirectory(path, directory => directory.WriteLink("subsystem", "/sys/class/net"));
        _core.Tree.WriteLink("/sys/class/net/" + upper, path);
        if (_core.Tree.Canonical("/sys/class/net/" + name) is not { } lower) return;
        _core.Tree.WriteLink($"{path}/lower_{name}", lower);
        _core.Tree.WriteLink($"{lower}/upper_{upper}", path);
        _core.Tree.WriteLink(lower + "/master", path);
    });

    /// <summary>The interface moves to another network namespace: it is gone from sysfs, and its driver still has the function.</summary>
    public void MoveAway(string name) => _core.Locked(() =>
    {
        if (_core.Tree.Canonical("/sys/class/net/" + name) is not { } path) return;
        _core.Tree.Remove("/sys/class/net/" + name);
        _core.Tree.Remove(path);
        _addresses = _addresses.RemoveAll(known => known.Interface == name);
    });

    internal void Reset() => _addresses = [];
}
