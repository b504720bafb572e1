using System.Collections.Immutable;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <param name="Key">
/// Which one it is, as long as the kernel has it: what is found again is another one. Of a USB device its node, which no other one gets.
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
    private const string ScsiDevices = "/sys/bus/scsi/devices";

    /// <summary>Which device a unit was offered as; null for what is not lent.</summary>
    public static string? IdentityOf(Handout handout) =>
        handout switch
        {
            Handout.UsbNode usb => $"{usb.Port} {usb.Identity}",
            Handout.ScsiNode scsi => scsi.Name,
            _ => null,
        };

    /// <summary>The devices behind a node, the innermost last; empty when nothing is.</summary>
    public ImmutableArray<Lendable> Behind(string node) =>
        kernel.Calls.Look(node).Device is { } number
        && kernel.Core.Tree.Canonical($"/sys/dev/{(number.IsBlock ? "block" : "char")}/{number}") is { } path
            ? On(path)
            : [];

    /// <summary>What is at an address that an env has: <c>2:7</c> of USB, <c>0:0:1:0</c> of SCSI.</summary>
    public Lendable? At(string address) =>
        address.Split(':') switch
        {
            [var bus, var device] when int.TryParse(bus, out var b) && int.TryParse(device, out var d) => Behind(NodeOf(b, d))
                .LastOrDefault(),
            [_, _, _, _] when kernel.Core.Tree.Canonical($"{ScsiDevices}/{address}") is { } path => On(path).LastOrDefault(),
            _ => null,
        };

    /// <summary>Nodes of what can be lent, root hubs and partitions left out, ordered.</summary>
    public ImmutableArray<string> Nodes() =>
        [
            .. Paths(UsbDevices, IsUsb).SelectMany(p => On(p)).Select(l => l.Key).Order(StringComparer.Ordinal),
            .. Names("/sys/class/scsi_generic").Select(n => "/dev/" + n),
        ];

    /// <summary>Disks of what can be lent, ordered.</summary>
    public ImmutableArray<string> Disks() => [.. Names("/sys/class/block").Where(n => Behind("/dev/" + n).Length > 0)];

    /// <summary>Keys of what is below a PCI function now.</summary>
    public IEnumerable<string> Below(string function) =>
        Paths(UsbDevices, IsUsb)
            .Concat(Paths(ScsiDevices, IsScsi))
            .Where(p => p.Contains($"/{function}/", StringComparison.Ordinal))
            .SelectMany(p => On(p))
            .Select(l => l.Key);

    /// <summary>The key of the USB device that has an interface: <c>2-1:1.0</c>.</summary>
    public IEnumerable<string> WithInterface(string name) =>
        kernel.Core.Tree.Canonical($"{UsbDevices}/{name}") is { } path ? On(path).Select(l => l.Key) : [];

    /// <summary>Interfaces of the USB device with this node.</summary>
    public ImmutableArray<UsbInterfaceState> InterfacesOf(string node) =>
        [.. kernel.Usb.Interfaces.Where(i => On(i.Path) is [{ Key: var key }, ..] && key == node)];

    private ImmutableArray<Lendable> On(string path)
    {
        var found = ImmutableArray.CreateBuilder<Lendable>();
        var names = path.Split('/');
        for (var i = 3; i < names.Length; i++)
        {
            if (IsUsb(names[i]) && names[i - 1].StartsWith("usb", StringComparison.Ordinal))
                found.Add(Usb(string.Join('/', names[..(i + 1)]), names[i - 2], names[i]));
            else if (IsScsi(names[i]) && names[i - 1].StartsWith("target", StringComparison.Ordinal))
                found.Add(Scsi(string.Join('/', names[..(i + 1)]), names[i]));
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

    private Lendable Scsi(string path, string address)
    {
        var name = kernel.Core.Tree.Exists(path + "/wwid") ? Read(path, "wwid") : $"at {address}";
        return new Lendable($"{name} ({kernel.Core.Look(path).Inode})", name, name);
    }

    private string Read(string path, string file) => kernel.Core.Tree.Read($"{path}/{file}").Trim();

    private static string NodeOf(int bus, int device) => $"/dev/bus/usb/{bus:D3}/{device:D3}";

    /// <summary>As sysfs names what is in a socket: <c>2-1</c>.</summary>
    private static bool IsUsb(string name) =>
        name.Contains('-', StringComparison.Ordinal) && name.All(c => char.IsAsciiDigit(c) || c is '-' or '.');

    /// <summary><c>0:0:1:0</c>.</summary>
    private static bool IsScsi(string name) => name.Count(c => c == ':') == 3 && name.All(c => char.IsAsciiDigit(c) || c == ':');

    private IEnumerable<string> Paths(string directory, Func<string, bool> isWanted) =>
        Names(directory).Where(isWanted).Select(n => kernel.Core.Tree.Canonical($"{directory}/{n}")).OfType<string>();

    private IEnumerable<string> Names(string directory) =>
        Directory
            .EnumerateFileSystemEntries(kernel.Paths.Resolve(directory))
            .Select(p => Path.GetFileName(p)!)
            .Order(StringComparer.Ordinal);
}
