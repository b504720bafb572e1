using System.Collections.Immutable;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <param name="Key">
/// Which one it is: of a USB device its node, which no other one has before the next boot; of a SCSI device what it calls itself.
/// </param>
/// <param name="Name">What a policy names it by: the socket that it is in, or what it calls itself.</param>
/// <param name="Identity">What an ID stands for when it is offered.</param>
internal sealed record Lendable(string Key, string Name, string Identity);

/// <summary>
/// Which USB and SCSI devices are where, told from the simulated machine's own tree and by nothing that the agent has a hand in.
/// </summary>
internal sealed class Lendables(SimulatedKernel kernel)
{
    private const string UsbDevices = "/sys/bus/usb/devices";

    /// <summary>Which device a unit was offered as; null for what is not lent.</summary>
    public static string? IdentityOf(Handout handout) => handout is Handout.UsbNode usb ? $"{usb.Port} {usb.Identity}" : null;

    /// <summary>The devices behind a node, the innermost last; empty when nothing is.</summary>
    public ImmutableArray<Lendable> Behind(string node) =>
        kernel.Calls.Look(node).Device is { } number
        && kernel.Core.Tree.Canonical($"/sys/dev/{(number.IsBlock ? "block" : "char")}/{number}") is { } path
            ? On(path)
            : [];

    /// <summary>What is at the numbers that a USB env has: <c>2:7</c>.</summary>
    public Lendable? AtNumbers(string address) =>
        address.Split(':') is [var bus, var device]
        && int.TryParse(bus, out var b)
        && int.TryParse(device, out var d)
        && Behind(NodeOf(b, d)) is [.., var found]
            ? found
            : null;

    /// <summary>Nodes of what can be lent, root hubs and partitions left out, ordered.</summary>
    public ImmutableArray<string> Nodes() => [.. UsbNodes().Order(StringComparer.Ordinal)];

    /// <summary>Disks of what can be lent, ordered.</summary>
    public ImmutableArray<string> Disks() => [.. Names("/sys/class/block").Where(n => Behind("/dev/" + n).Length > 0)];

    /// <summary>Keys of what is below a PCI function now.</summary>
    public IEnumerable<string> Below(string function) =>
        Names(UsbDevices)
            .Where(IsDevice)
            .Select(n => kernel.Core.Tree.Canonical($"{UsbDevices}/{n}"))
            .OfType<string>()
            .Where(p => p.Contains($"/{function}/", StringComparison.Ordinal))
            .SelectMany(p => On(p))
            .Select(l => l.Key);

    /// <summary>The key of the USB device that has an interface: <c>2-1:1.0</c>.</summary>
    public IEnumerable<string> WithInterface(string name) =>
        kernel.Core.Tree.Canonical($"{UsbDevices}/{name}") is { } path ? On(path).Select(l => l.Key) : [];

    /// <summary>Interfaces of the USB device with this node.</summary>
    public ImmutableArray<UsbInterfaceState> InterfacesOf(string node) =>
        [.. kernel.Usb.Interfaces.Where(i => On(i.Path) is [{ Key: var key }, ..] && key == node)];

    private IEnumerable<string> UsbNodes() =>
        Names(UsbDevices)
            .Where(IsDevice)
            .Select(n => kernel.Core.Tree.Canonical($"{UsbDevices}/{n}"))
            .OfType<string>()
            .SelectMany(p => On(p))
            .Select(l => l.Key);

    private ImmutableArray<Lendable> On(string path)
    {
        var found = ImmutableArray.CreateBuilder<Lendable>();
        var names = path.Split('/');
        for (var i = 3; i < names.Length; i++)
        {
            if (IsDevice(names[i]) && names[i - 1].StartsWith("usb", StringComparison.Ordinal))
                found.Add(Usb(string.Join('/', names[..(i + 1)]), names[i - 2], names[i]));
        }

        return found.ToImmutable();
    }

    private Lendable Usb(string path, string controller, string name)
    {
        var socket = $"{controller}/{name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..]}";
        var serial = kernel.Core.Tree.Exists(path + "/serial") ? ":" + Read(path, "serial") : "";
        return new Lendable(
            NodeOf(int.Parse(Read(path, "busnum")), int.Parse(Read(path, "devnum"))),
            socket,
            $"{socket} {Read(path, "idVendor")}:{Read(path, "idProduct")}{serial}"
        );
    }

    private string Read(string path, string file) => kernel.Core.Tree.Read($"{path}/{file}").Trim();

    private static string NodeOf(int bus, int device) => $"/dev/bus/usb/{bus:D3}/{device:D3}";

    /// <summary>As sysfs names what is in a socket: <c>2-1</c>.</summary>
    private static bool IsDevice(string name) =>
        name.Contains('-', StringComparison.Ordinal) && name.All(c => char.IsAsciiDigit(c) || c is '-' or '.');

    private List<string> Names(string directory) =>
        [
            .. Directory
                .EnumerateFileSystemEntries(kernel.Paths.Resolve(directory))
                .Select(p => Path.GetFileName(p)!)
                .Order(StringComparer.Ordinal),
        ];
}
