using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// An admin at the shell, who changes by hand what nobody uses, and pulls and plugs cards. What was touched is remembered: it need not come
/// back by itself.
/// </summary>
internal sealed class Hands(SimulatedKernel kernel, Uses uses, Random random, Action<string> tell)
{
    private readonly HashSet<string> _unplugged = new(StringComparer.Ordinal);
    private string? _away;
    private int _made;
    private int _swept;

    /// <summary>Functions, with their physical function's VFs, that were changed by hand.</summary>
    public HashSet<string> Touched { get; } = new(StringComparer.Ordinal);

    /// <summary>What was bound to vfio-pci by hand: the agent adopts it and never gives it to another driver.</summary>
    public HashSet<string> BoundToVfio { get; } = new(StringComparer.Ordinal);

    /// <summary>Called with each function that something happens to.</summary>
    public Action<string> Happened { get; init; } = _ => { };

    public void Write()
    {
        switch (random.Next(7))
        {
            case 0 when Any(f => kernel.DriverOf(f) is not null) is { } f:
                Do(f, $"/sys/bus/pci/drivers/{kernel.DriverOf(f)}/unbind", f);
                break;
            case 1 when Any(f => kernel.DriverOf(f) is null) is { } f:
                Do(f, "/sys/bus/pci/drivers_probe", f);
                break;
            case 2 when Any(_ => true) is { } f:
                Do(
                    f,
                    Attribute(f, "driver_override"),
                    (string[])["vfio-pci", "no-such-driver", "\n"] is var values ? values[random.Next(3)] : ""
                );
                break;
            case 3 when Any(f => f != "0000:42:00.0" && kernel.DriverOf(f) is null) is { } f:
                BoundToVfio.Add(f);
                Do(f, Attribute(f, "driver_override"), "vfio-pci");
                Do(f, "/sys/bus/pci/drivers_probe", f);
                break;
            case 4 when PhysicalFunction() is { } pf:
                Do(pf, Attribute(pf, "sriov_numvfs"), random.Next(2) == 0 ? "0" : random.Next(1, 4).ToString(CultureInfo.InvariantCulture));
                break;
            case 5 when PhysicalFunction() is { } pf:
                Do(pf, Attribute(pf, "sriov_drivers_autoprobe"), random.Next(2) == 0 ? "0" : "1");
                break;
            case 6 when PhysicalFunction() is { } pf:
                var made = random.Next(0, 4);
                var makes = made == 0 ? "as many VFs as it is asked for" : $"{made} VFs, whatever it is asked for";
                tell($"the driver of {pf} makes {makes}");
                kernel.Faults.MakeOtherVfs(pf, made == 0 ? null : _ => made);
                break;
        }
    }

    /// <summary>
    /// A CNI, or libvirt, has what a pod was given on the host's own driver for a while, before the VM starts. It is not remembered as
    /// touched: where it came from must not be forgotten for that.
    /// </summary>
    public void Rebind()
    {
        if (_away is { } away)
        {
            _away = null;
            Happened(away);
            if (!IsPodsAlone(away) || kernel.DriverOf(away) is "vfio-pci")
                return; // the agent has it again, or the pod is gone
            if (kernel.DriverOf(away) is { } driver)
                Put($"/sys/bus/pci/drivers/{driver}/unbind", away);
            Put(Attribute(away, "driver_override"), "vfio-pci");
            tell($"by another program: {away} is back on vfio-pci: {Put("/sys/bus/pci/drivers_probe", away)}");
            return;
        }

        var given = uses
            .All.SelectMany(u => u.Functions)
            .Where(f => PciAddress.TryParse(f, out _) && IsPodsAlone(f) && kernel.DriverOf(f) is "vfio-pci")
            .Order(StringComparer.Ordinal)
            .ToList();
        if (given.Count == 0)
            return;
        var function = given[random.Next(given.Count)];
        _away = function;
        Happened(function);
        Put("/sys/bus/pci/drivers/vfio-pci/unbind", function);
        Put(Attribute(function, "driver_override"), "\n");
        tell($"by another program: {function} is bound to what the host has for it: {Put("/sys/bus/pci/drivers_probe", function)}");
    }

    /// <summary>
    /// An interface is called otherwise from here on, perhaps as another one was before. Nothing of its device changes, and nothing in
    /// force may.
    /// </summary>
    public void Rename()
    {
        var interfaces = kernel.Network.Hardware;
        if (interfaces.IsEmpty)
            return;
        var (name, device) = interfaces[random.Next(interfaces.Length)];
        var renamed = $"eth{random.Next(3)}" is var usual && random.Next(2) == 0 ? usual : $"eth{10 + random.Next(3)}";
        if (interfaces.Any(i => i.Name == renamed))
            return;
        tell($"{name} of {Path.GetFileName(device)} is called {renamed} now");
        kernel.Network.Rename(name, renamed);
    }

    /// <summary>
    /// Somebody else makes mediated devices and removes them again, and sometimes one of ours that no VM has open: it is made again.
    /// </summary>
    public void MakeMdevs()
    {
        const string devices = "/sys/bus/mdev/devices";
        var there = Directory
            .EnumerateFileSystemEntries(kernel.Paths.Resolve(devices))
            .Select(p => Path.GetFileName(p)!)
            .Where(m => !IsOpen(m))
            .Order(StringComparer.Ordinal)
            .ToList();
        var foreign = there.Where(m => !MdevUuid.Parse(m).IsHostdevs).ToList();
        if (_swept < 2 && there.Count > foreign.Count && random.Next(3) == 0)
        {
            _swept++;
            Remove(there.Except(foreign).ToList() is var ours ? ours[random.Next(ours.Count)] : "");
        }
        else if (foreign.Count > 0 && random.Next(2) == 0)
        {
            Remove(foreign[random.Next(foreign.Count)]);
        }
        else
        {
            var type = random.Next(2) == 0 ? "mtty-1" : "mtty-2";
            var uuid = string.Create(CultureInfo.InvariantCulture, $"{_made++:x8}-2222-4333-8444-555555555555");
            tell($"by hand: {uuid} of {type}: {Put($"/sys/class/mdev_bus/mtty/mdev_supported_types/{type}/create", uuid)}");
        }

        void Remove(string uuid) => tell($"by hand: {uuid} is removed: {Put($"{devices}/{uuid}/remove", "1")}");
    }

    /// <summary>Whether a program has it open: its removal would wait for that one.</summary>
    private bool IsOpen(string mdev) => uses.All.Any(u => u.Process is not null && u.Functions.Contains(mdev));

    public void Unplug()
    {
        var slot = SequenceMachine.Slots[random.Next(SequenceMachine.Slots.Length)];
        if (slot.Any(f => kernel.GroupOf(f) is null || InUse(f)))
            return;
        tell($"{string.Join(" and ", slot)} are pulled out");
        foreach (var function in slot)
        {
            Happened(function);
            kernel.Unplug(function);
            _unplugged.Add(function);
            BoundToVfio.Remove(function);
        }
    }

    public void Plug()
    {
        if (_unplugged.Count == 0)
            return;
        tell($"{string.Join(" and ", _unplugged.Order(StringComparer.Ordinal))} are plugged in again");
        foreach (var function in _unplugged.Order(StringComparer.Ordinal))
            PlugOne(function);
        _unplugged.Clear();
    }

    private void PlugOne(string function)
    {
        Happened(function);
        kernel.Plug(function);
    }

    /// <summary>What was changed by hand is put right by hand: as it was at boot.</summary>
    public void Tidy()
    {
        foreach (var mdev in Directory.EnumerateFileSystemEntries(kernel.Paths.Resolve("/sys/bus/mdev/devices")).Select(Path.GetFileName))
        {
            if (!MdevUuid.Parse(mdev!).IsHostdevs)
                Put($"/sys/bus/mdev/devices/{mdev}/remove", "1");
        }

        foreach (var function in Touched.Where(f => kernel.GroupOf(f) is not null).Order(StringComparer.Ordinal))
        {
            if (SequenceMachine.PhysicalFunctions.Contains(function))
            {
                Put(Attribute(function, "sriov_numvfs"), "0");
                Put(Attribute(function, "sriov_drivers_autoprobe"), "1");
            }
        }

        foreach (var function in Touched.Where(f => kernel.GroupOf(f) is not null).Order(StringComparer.Ordinal))
        {
            Put(Attribute(function, "driver_override"), "\n");
            if (kernel.DriverOf(function) is { } driver)
                Put($"/sys/bus/pci/drivers/{driver}/unbind", function);
            Put("/sys/bus/pci/drivers_probe", function);
        }
    }

    private static string Attribute(string function, string name) => $"/sys/bus/pci/devices/{function}/{name}";

    private void Do(string function, string path, string value)
    {
        Happened(function);
        Touched.Add(function);
        Touched.UnionWith(uses.VirtualFunctions(function));
        tell($"by hand: {path} <- {value.TrimEnd()}: {Put(path, value)}");
        Touched.UnionWith(uses.VirtualFunctions(function));
    }

    // Past the script of faults, which counts the agent's writes.
    private string Put(string path, string value) => kernel.Core.Write(path, value).Name;

    private bool InUse(string function) => uses.InUse(function) || uses.VirtualFunctions(function).Any(uses.InUse);

    /// <summary>Whether a pod was given it, alone in its group, and nobody has it open or needs it.</summary>
    private bool IsPodsAlone(string function) =>
        kernel.GroupOf(function) is not null
        && uses.All.Where(u => u.Functions.Contains(function)).ToList() is [{ Protection: null, Process: null, Functions.Count: 1 }];

    private string? PhysicalFunction()
    {
        var free = SequenceMachine.PhysicalFunctions.Where(f => kernel.GroupOf(f) is not null && !InUse(f)).ToImmutableArray();
        return free.Length == 0 ? null : free[random.Next(free.Length)];
    }

    private string? Any(Func<string, bool> suits)
    {
        var free = SequenceMachine
            .Slots.SelectMany(s => s)
            .Concat(SequenceMachine.PhysicalFunctions.SelectMany(f => uses.VirtualFunctions(f)))
            .Where(f => kernel.GroupOf(f) is not null && !InUse(f) && suits(f))
            .ToImmutableArray();
        return free.Length == 0 ? null : free[random.Next(free.Length)];
    }
}
