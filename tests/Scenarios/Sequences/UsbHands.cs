using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// Somebody at the USB sockets: pulls, plugs, moves and swaps, also what a VM has; and an admin at the shell who changes drivers of what
/// nobody uses. What is mounted is not pulled: the simulation does not know what becomes of such a mount.
/// </summary>
internal sealed class UsbHands(SimulatedKernel kernel, Uses uses, Lendables lendables, Random random, Action<string> tell)
{
    private readonly List<UsbDeviceDescription> _pulled = [SequenceMachine.OtherStick];
    private readonly Dictionary<string, UsbDeviceDescription?> _boot = Sockets(kernel)
        .ToDictionary(s => s, s => kernel.Usb.Sockets[s].Device);

    /// <summary>Interfaces that were taken from their drivers by hand, until they are found again.</summary>
    public HashSet<string> Unbound { get; } = new(StringComparer.Ordinal);

    public void Move()
    {
        var sockets = Sockets(kernel).Where(s => !IsMounted(s)).ToList();
        var full = sockets.Where(s => In(s) is not null).ToList();
        var empty = sockets.Except(full).ToList();
        switch (random.Next(6))
        {
            case 0 when full.Count > 0:
                var pulled = Any(full);
                _pulled.Add(Pull(pulled));
                break;
            case 1 when full.Count > 0:
                var again = Any(full);
                Plug(again, Pull(again));
                break;
            case 2 when full.Count > 0 && empty.Count > 0:
                var from = Any(full);
                Plug(Any(empty), Pull(from));
                break;
            case 3 when full.Count > 1:
                var (one, other) = (Any(full), Any(full));
                if (one == other)
                    break;
                var (first, second) = (Pull(one), Pull(other));
                Plug(one, second);
                Plug(other, first);
                break;
            case 4 when full.Count > 0 && _pulled.Count > 0:
                // Another thing, or another one of the same kind, where this one was.
                var place = Any(full);
                var next = Any(_pulled);
                _pulled.Remove(next);
                _pulled.Add(Pull(place));
                Plug(place, next);
                break;
            case 5 when empty.Count > 0 && _pulled.Count > 0:
                var device = Any(_pulled);
                _pulled.Remove(device);
                Plug(Any(empty), device);
                break;
        }
    }

    /// <summary>Drivers of interfaces, which nobody has a use for now.</summary>
    public void Write()
    {
        var free = kernel
            .Usb.Interfaces.Where(i => i.Driver is not (null or "hub") && !lendables.WithInterface(i.Name).Any(uses.InUse))
            .ToList();
        if (free.Count == 0)
            return;
        var part = Any(free);
        var drivers = $"/sys/bus/usb/drivers/{part.Driver}";
        var path =
            part.Undo is not null ? drivers + "/unbind"
            : random.Next(2) == 0 ? drivers + "/bind"
            : "/sys/bus/usb/drivers_probe";
        if (part.Undo is not null)
            Unbound.Add(part.Name);
        else
            Unbound.Remove(part.Name);
        tell($"by hand: {path} <- {part.Name}: {kernel.Core.Write(path, part.Name).Name}");
    }

    /// <summary>Everything is where it was at boot; what is there already is not touched.</summary>
    public void PutBack()
    {
        var wrong = Sockets(kernel).Where(s => In(s) != _boot[s]).ToList();
        foreach (var socket in wrong.Where(s => In(s) is not null))
            Pull(socket);
        foreach (var socket in wrong)
        {
            if (_boot[socket] is { } device)
                Plug(socket, device);
        }
    }

    /// <summary>Nothing is in any socket: its numbers are free for what had them at boot.</summary>
    public void PullAll()
    {
        foreach (var socket in Sockets(kernel).Where(s => In(s) is not null))
            Pull(socket);
    }

    private static ImmutableArray<string> Sockets(SimulatedKernel kernel) => [.. kernel.Usb.Sockets.Keys.Order(StringComparer.Ordinal)];

    private UsbDeviceDescription? In(string socket) => kernel.Usb.Sockets[socket].Device;

    private bool IsMounted(string socket) =>
        lendables
            .Nodes()
            .SelectMany(n => lendables.Behind(n))
            .Any(d => d.Name == socket && uses.All.Any(u => u.Protection == Protection.Storage && u.Functions.Contains(d.Key)));

    private UsbDeviceDescription Pull(string socket)
    {
        var device = In(socket)!;
        tell($"{Told(device)} is pulled out of {socket}");
        var before = kernel.Usb.Interfaces.ToList();
        kernel.UnplugUsb(socket);
        Unbound.ExceptWith(before.Except(kernel.Usb.Interfaces).Select(i => i.Name));
        return device;
    }

    private void Plug(string socket, UsbDeviceDescription device)
    {
        tell($"{Told(device)} is plugged into {socket}");
        kernel.PlugUsb(socket, device);
    }

    private static string Told(UsbDeviceDescription device) => $"{device.ProductName} {device.Serial}".TrimEnd();

    private T Any<T>(List<T> of) => of[random.Next(of.Count)];
}
