using System.Collections.Immutable;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Sandbox.Demo;

/// <summary>What a hand that pulled or plugged something did, in a sentence; or why it could not.</summary>
internal sealed record SlotAnswer(bool IsDone, string Text);

/// <summary>
/// Hands in a machine room: cards are pulled out of the slots of a cluster's machines with all their functions, USB devices out of their
/// sockets, and put back. Nobody asks the host before.
/// </summary>
internal sealed class Slots(Func<ImmutableArray<ClusterNode>> nodes)
{
    private readonly Lock _gate = new();

    /// <summary>Functions that lie beside their machine, by node and slot.</summary>
    private readonly Dictionary<(string Node, string Slot), ImmutableArray<string>> _pulled = [];

    /// <param name="device">An address (<c>0000:11:00.0</c>), or a socket (<c>0000:84:00.0/1</c>).</param>
    public SlotAnswer Unplug(string node, string device) =>
        On(node, kernel => device.Contains('/') ? PullUsb(node, kernel, device) : PullCard(node, kernel, device));

    /// <summary>The same device, in the same slot or socket.</summary>
    public SlotAnswer Plug(string node, string device) =>
        On(node, kernel => device.Contains('/') ? PlugUsb(node, kernel, device) : PlugCard(node, kernel, device));

    private SlotAnswer On(string name, Func<SimulatedKernel, SlotAnswer> work)
    {
        if (nodes().FirstOrDefault(n => n.Name == name) is not { } node)
            return new(false, $"there is no node {name}: name one of {string.Join(", ", nodes().Select(n => n.Name))}");
        lock (_gate)
            return work(node.Kernel);
    }

    private SlotAnswer PullCard(string node, SimulatedKernel kernel, string address)
    {
        var functions = NodeReading.Functions(kernel.Paths).ToImmutableArray();
        if (!functions.Contains(address))
            return new(false, $"{node} has no {address}: name one of {string.Join(", ", functions)}");
        if (NodeReading.IsVirtual(kernel.Paths, address))
            return new(false, $"{address} of {node} is a virtual function, which nobody can pull: name its physical one");
        var card = functions.Where(f => Slot(f) == Slot(address) && !NodeReading.IsVirtual(kernel.Paths, f)).ToImmutableArray();
        _pulled[(node, Slot(address))] = card;
        foreach (var function in card.Reverse())
            kernel.Unplug(function);
        return new(true, $"{string.Join(" and ", card)} of {node} {(card.Length == 1 ? "is" : "are")} pulled{Ghosts(kernel, card)}");
    }

    private SlotAnswer PlugCard(string node, SimulatedKernel kernel, string address)
    {
        if (!_pulled.TryGetValue((node, Slot(address)), out var card))
            return new(false, $"nothing was pulled from that slot of {node}. {Beside(node)}");
        if (card.Where(f => NodeReading.Exists(kernel.Paths, f)).ToImmutableArray() is { IsEmpty: false } ghosts)
            return new(false, $"{node} has not let go yet{Ghosts(kernel, ghosts)}");
        _pulled.Remove((node, Slot(address)));
        foreach (var function in card)
            kernel.Plug(function);
        return new(true, $"{string.Join(" and ", card)} of {node} {(card.Length == 1 ? "is" : "are")} back");
    }

    private static SlotAnswer PullUsb(string node, SimulatedKernel kernel, string socket)
    {
        var used = kernel.UsbSockets.Where(s => s.IsUsed).Select(s => s.Socket).ToImmutableArray();
        if (!used.Contains(socket))
            return new(false, $"nothing is in {socket} of {node}. USB devices are in: {Or(used)}");
        kernel.UnplugUsb(socket);
        return new(true, $"the USB device in {socket} of {node} is pulled");
    }

    private static SlotAnswer PlugUsb(string node, SimulatedKernel kernel, string socket)
    {
        var sockets = kernel.UsbSockets;
        if (sockets.FirstOrDefault(s => s.Socket == socket) is not { Socket.Length: > 0 } there)
            return new(false, $"{node} has no socket {socket}: {Or([.. sockets.Select(s => s.Socket)])}");
        if (there.IsUsed)
            return new(false, $"a USB device is in {socket} of {node} already");
        kernel.PlugUsb(socket);
        return kernel.UsbSockets.Any(s => s.Socket == socket && s.IsUsed)
            ? new(true, $"the USB device is back in {socket} of {node}")
            : new(false, $"nothing was ever in {socket} of {node}");
    }

    /// <summary>A function that a process has open stays in sysfs until it is let go of.</summary>
    private static string Ghosts(SimulatedKernel kernel, ImmutableArray<string> card)
    {
        var ghosts = card.Where(f => NodeReading.Exists(kernel.Paths, f)).ToImmutableArray();
        return ghosts.IsEmpty
            ? ""
            : $": the kernel waits until who has {string.Join(" and ", ghosts)} lets go, which for a VM is when its pod is deleted";
    }

    private string Beside(string node)
    {
        var pulled = _pulled.Where(p => p.Key.Node == node).Select(p => p.Value[0]).ToImmutableArray();
        return $"Pulled there: {Or(pulled)}";
    }

    private static string Or(ImmutableArray<string> names) => names.IsEmpty ? "none" : string.Join(", ", names);

    private static string Slot(string address) => address.Split('.')[0];
}
