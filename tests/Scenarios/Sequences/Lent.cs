using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// What is lent to pods as the host has it, and who else uses it: VMs that put its drivers aside, mounts, programs that have a node open.
/// A pod never gets another device than the one that its ID named when it was offered, nothing that somebody uses, and nothing that another
/// pod has.
/// </summary>
internal sealed class Lent(
    SimulatedKernel kernel,
    Uses uses,
    Lendables lendables,
    SteppedKubelet kubelet,
    Random random,
    Action<string> tell
)
{
    private readonly Dictionary<string, string> _answered = new(StringComparer.Ordinal); // what a node was when it was answered last
    private int _count;

    /// <summary>At the moment of an answer.</summary>
    /// <param name="offered">What its IDs named when it was asked for.</param>
    public void CheckAnswer(ImmutableArray<Unit> offered, AllocateOutcome.Granted answer)
    {
        var named = offered.Select(u => Lendables.IdentityOf(u.Handout)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        if (named.Count == 0)
            return;
        var what = $"{string.Join(", ", offered.Select(u => u.Id))}, offered as {string.Join(", ", named)},";
        foreach (var node in answer.Nodes.Select(n => n.Path))
        {
            var identity = lendables.Behind(node) is [.., var device] ? device.Identity : "nothing";
            if (!named.Contains(identity))
                throw new BrokenPromiseException($"{what} was answered with {node}, which is {identity}");
            CheckIsFree(what, node);
            _answered[node] = identity;
        }

        foreach (var info in answer.Envs.Where(e => e.Key.EndsWith("_INFO", StringComparison.Ordinal)).Select(e => e.Value))
            DeviceInfoSchema.Check(info);
        var addresses = answer
            .Envs.Where(e => e.Key.Contains("_RESOURCE_", StringComparison.Ordinal))
            .SelectMany(e => e.Value.Split(','))
            .Concat(answer.Envs.Where(e => e.Key.EndsWith("_INFO", StringComparison.Ordinal)).SelectMany(e => AddressesIn(e.Value)));
        var told = addresses.Select(a => lendables.At(a)?.Identity ?? $"nothing at {a}");
        if (!named.SetEquals(told))
            throw new BrokenPromiseException($"{what} was answered with an env that names {string.Join(", ", told)}");
    }

    /// <summary>Keys of all that a pod's answer names; empty when nothing is lent to it.</summary>
    public IEnumerable<string> DevicesOf(SteppedPod pod) => pod.Nodes.SelectMany(n => lendables.Behind(n)).Select(d => d.Key);

    /// <summary>All of it is what it was when it was answered: a pod that is started must not find another device.</summary>
    public void CheckStart(SteppedPod pod, string what)
    {
        foreach (var node in pod.Nodes)
        {
            var now = lendables.Behind(node) is [.., var device] ? device.Identity : "nothing";
            if (now != _answered[node])
                throw new BrokenPromiseException($"{pod.Name} is started with {what}: {node}, which was {_answered[node]}, is {now}");
        }
    }

    /// <summary>A VMM opens what its pod was given, and puts the host's drivers aside.</summary>
    public ImmutableHashSet<string> Take(SteppedPod pod, SimulatedProcess vmm)
    {
        foreach (var node in pod.Nodes)
        {
            vmm.OpenPlain(node);
            foreach (var part in lendables.InterfacesOf(node))
                kernel.DetachUsbInterface(part.Name);
        }

        return [.. DevicesOf(pod)];
    }

    /// <summary>One that ends well gives the drivers back, one that is killed does not.</summary>
    public void Left(Use vm)
    {
        foreach (var part in vm.Functions.Order(StringComparer.Ordinal).SelectMany(n => lendables.InterfacesOf(n)).ToList())
        {
            if (random.Next(2) == 0)
                tell($"the VMM gives {part.Name} back: {kernel.Core.Write("/sys/bus/usb/drivers_probe", part.Name).Name}");
        }
    }

    /// <summary>The host mounts a disk that nobody uses.</summary>
    public void Mount()
    {
        var disks = lendables.Disks().Where(d => IsFree("/dev/" + d)).ToList();
        if (disks.Count == 0)
            return;
        var disk = disks[random.Next(disks.Count)];
        var devices = lendables.Behind("/dev/" + disk).Select(d => d.Key).ToImmutableHashSet();
        var target = $"/media-{++_count}";
        if (kernel.Storage.MountDisk(disk, target) is { IsSuccess: false } error)
        {
            tell($"{disk} cannot be mounted: {error.Name}");
            return;
        }

        tell($"{disk} of {string.Join(", ", devices)} is mounted at {target}");
        uses.Begin(new Use($"{disk} is mounted at {target}", devices, Protection.Storage, null, () => kernel.Storage.Unmount(target)));
    }

    /// <summary>A program of the host's opens a node that nobody uses, as pcscd and usbmuxd do.</summary>
    public void Open()
    {
        var nodes = lendables.Nodes().Where(IsFree).ToList();
        if (nodes.Count == 0)
            return;
        var node = nodes[random.Next(nodes.Count)];
        var process = kernel.Processes.Start("pcscd");
        process.OpenPlain(node);
        tell($"process {process.Pid} opens {node}");
        var devices = lendables.Behind(node).Select(d => d.Key).ToImmutableHashSet();
        uses.Begin(new Use($"process {process.Pid} has {node} open", devices, null, process, process.Exit));
    }

    /// <summary>At the end: drivers are as the kernel finds them but for what hands took, and nodes are the host's.</summary>
    /// <param name="unbound">Interfaces that hands took from their drivers.</param>
    public void CheckGivenBack(IReadOnlySet<string> unbound)
    {
        if (kernel.Usb.Interfaces.FirstOrDefault(i => i is { Driver: not null, Undo: null } && !unbound.Contains(i.Name)) is { } bare)
            throw new BrokenPromiseException($"{bare.Name} is left without its driver {bare.Driver}, which no hand took from it");
        foreach (var node in lendables.Nodes().Concat(lendables.Disks().Select(d => "/dev/" + d)))
        {
            var mode = node.StartsWith("/dev/bus/usb/", StringComparison.Ordinal) ? 0x1b4 : 0x180;
            if (kernel.Calls.ReadOwner(node).Owner != new NodeOwner(0, 0, mode))
                throw new BrokenPromiseException($"{node} is left with the owner {kernel.Calls.ReadOwner(node).Owner}");
        }
    }

    private static IEnumerable<string> AddressesIn(string info) =>
        JsonNode.Parse(info)!["devices"]!.AsArray().Select(d => (string)d!["address"]!);

    private bool IsFree(string node) => !lendables.Behind(node).Any(d => uses.InUse(d.Key));

    private void CheckIsFree(string what, string node)
    {
        if (kubelet.Pods.FirstOrDefault(p => p.Nodes.Contains(node)) is { } other)
            throw new BrokenPromiseException($"{what} was answered with {node}, which {other.Name} has");
        var devices = lendables.Behind(node);
        foreach (var use in uses.All.Where(u => devices.Any(d => u.Functions.Contains(d.Key))).ToList())
        {
            if (use.Protection is not { } protection || !devices.Any(d => uses.WasAllowed(d.Name, protection)))
                throw new BrokenPromiseException($"{what} was answered with {node}, which is in use: {use.What}");
            uses.End(use); // what an admin gave away ends with the answer
        }
    }
}
