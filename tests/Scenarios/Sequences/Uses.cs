using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>A promise was broken: the sequence is reported with what happened.</summary>
internal sealed class BrokenPromiseException : Exception
{
    public BrokenPromiseException() { }

    public BrokenPromiseException(string message)
        : base(message) { }

    public BrokenPromiseException(string message, Exception innerException)
        : base(message, innerException) { }
}

/// <param name="What">Completes "is in use: ...".</param>
/// <param name="Functions">All that one must not disturb; for a group all its members.</param>
/// <param name="Protection">What an admin may override; null when nothing does.</param>
/// <param name="Process">Who would be asked to let go; null when nobody can be.</param>
internal sealed record Use(string What, ImmutableHashSet<string> Functions, Protection? Protection, SimulatedProcess? Process, Action End);

/// <summary>
/// Who really uses what on the simulated machine, kept by those who do and not read back through anything that the agent has a hand in.
/// </summary>
internal sealed class Uses(SimulatedKernel kernel, Lendables lendables)
{
    private readonly List<Use> _all = [];
    private ImmutableHashSet<(string, Protection)> _sinceTheRound = [];

    public IReadOnlyList<Use> All => _all;

    /// <summary>What the admin gives away at present although the host needs it.</summary>
    public ImmutableHashSet<(string, Protection)> Allowed
    {
        get;
        set
        {
            field = value;
            _sinceTheRound = _sinceTheRound.Union(value);
        }
    } = [];

    /// <summary>A round has come to its end: what is offered is what is allowed now.</summary>
    public void RoundDone() => _sinceTheRound = Allowed;

    /// <summary>What is given by an offer of the last round may be allowed no more at this moment.</summary>
    /// <param name="name">A socket, or what a SCSI device calls itself.</param>
    public bool WasAllowed(string name, Protection protection) => _sinceTheRound.Contains((name, protection));

    public void Begin(Use use) => _all.Add(use);

    public void End(Use use)
    {
        if (!_all.Remove(use))
            return;
        use.End();
    }

    /// <summary>Somebody let go who has nothing left to be ended.</summary>
    public void Forget(Use use) => _all.Remove(use);

    public bool InUse(string function) => _all.Exists(u => u.Functions.Contains(function));

    /// <summary>The functions that share a group with this one now, itself included, bridges left out.</summary>
    public ImmutableHashSet<string> GroupMembers(int group)
    {
        var directory = kernel.Paths.Resolve($"/sys/kernel/iommu_groups/{group}/devices");
        return [.. Directory.EnumerateFileSystemEntries(directory).Select(p => Path.GetFileName(p)!).Where(a => !IsBridge(a))];
    }

    public ImmutableArray<string> VirtualFunctions(string address)
    {
        var directory = kernel.Paths.Resolve($"/sys/bus/pci/devices/{address}");
        return Directory.Exists(directory)
            ?
            [
                .. Directory
                    .EnumerateFileSystemEntries(directory, "virtfn*")
                    .Select(l => Path.GetFileName(new FileInfo(l).LinkTarget!))
                    .Order(StringComparer.Ordinal),
            ]
            : [];
    }

    /// <summary>Fails when this write would disturb somebody. Called before the kernel sees it, so that nothing blocks.</summary>
    public void CheckWrite(string path, string value)
    {
        var file = Path.GetFileName(path);
        var (disturbed, hostUses) = file switch
        {
            "unbind" => (VirtualFunctions(value.Trim()).Prepend(value.Trim()).Concat(lendables.Below(value.Trim())), true),
            "drivers_probe" when path.StartsWith("/sys/bus/usb/", StringComparison.Ordinal) => (
                lendables.WithInterface(value.Trim()),
                false
            ),
            "remove" => ([MdevOf(path)], true),
            "sriov_numvfs" => (VfsLostBy(path, value.Trim()), true),
            // No harm as such, but nothing to do on what a VM has; a driverless function of its group it has not.
            "driver_override"
                when Path.GetFileName(Path.GetDirectoryName(path)!) is var function && kernel.DriverOf(function) is not null => (
                [function],
                false
            ),
            _ => ([], false),
        };
        foreach (var function in disturbed)
        {
            var user = _all.FirstOrDefault(u =>
                u.Functions.Contains(function)
                && (hostUses || u.Protection is null)
                && !(u.Protection is { } p && Allowed.Contains((function, p)))
            );
            if (user is not null)
                throw new BrokenPromiseException($"{path} <- {value.Trim()} disturbs {function}, which is in use: {user.What}");
            if (MdevUuid.TryParse(function, out var uuid) && !uuid.IsHostdevs)
                throw new BrokenPromiseException($"{path} <- {value.Trim()} removes a mediated device that somebody else made");
            if (hostUses && IsConsole(function) && !Allowed.Contains((function, Protection.Console)))
                throw new BrokenPromiseException($"{path} <- {value.Trim()} takes the console {function}");
        }
    }

    /// <summary>What an admin gave away ends with the write that takes it.</summary>
    public void EndOverridden(string path, string value)
    {
        if (Path.GetFileName(path) != "unbind" || kernel.DriverOf(value.Trim()) is not null)
            return;
        foreach (var use in _all.Where(u => u.Protection is not null && u.Functions.Contains(value.Trim())).ToList())
            End(use);
    }

    /// <summary>What must hold at any time.</summary>
    public void Check()
    {
        if (kernel.BlockedWrites is [var blocked, ..])
            throw new BrokenPromiseException($"a write to {blocked} blocks in the kernel");
        if (_all.Find(u => u.Process is { Requests: > 0 }) is { } asked)
            throw new BrokenPromiseException($"the kernel asked for a device back: {asked.What}");
    }

    private IEnumerable<string> VfsLostBy(string path, string value)
    {
        var physical = Path.GetFileName(Path.GetDirectoryName(path)!);
        var vfs = VirtualFunctions(physical);
        return value == vfs.Length.ToString(System.Globalization.CultureInfo.InvariantCulture) ? [] : vfs;
    }

    // Only while the host's driver, or none, has it: on vfio-pci it carries nothing of the host's any more, and boot_vga stays 1.
    private bool IsConsole(string function) => function == "0000:42:00.0" && kernel.DriverOf(function) is not "vfio-pci";

    private static string MdevOf(string path) => Path.GetFileName(Path.GetDirectoryName(path)!);

    private bool IsBridge(string device) => PciAddress.TryParse(device, out _) && IsBridgeFunction(device);

    private bool IsBridgeFunction(string address) =>
        File.ReadAllText(kernel.Paths.Resolve($"/sys/bus/pci/devices/{address}/class")).StartsWith("0x0604", StringComparison.Ordinal);
}
