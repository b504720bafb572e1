using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>What pods have, by the allocator's and the kubelet's word.</summary>
public interface IPodUsage
{
    /// <summary>The pods that have this device, or may have it; empty when it is known to be free of them.</summary>
    ImmutableArray<DeviceUser> UsersOf(DeviceId device);
}

/// <summary>
/// The one place that says who uses a device. <see cref="Read(HostInventory)"/> looks without touching anything, for planning;
/// <see cref="Prove"/> also closes the door: while its result is kept, nobody can begin to use the device (contracts/kernel.md, "Proof
/// that it is free").
/// </summary>
/// <param name="threads">By default the threads of this process.</param>
public sealed class UsageReader(HostPaths paths, IHostCalls calls, IPodUsage pods, TimeProvider? time = null, KernelThreads? threads = null)
{
    private readonly ProcessReader _processes = new(paths, calls, threads ?? KernelThreads.Own, time ?? TimeProvider.System);

    /// <summary>
    /// Who uses what now, over all devices that can be passed. Devices nobody uses are left out. Nothing is opened: an exclusive open
    /// would make a mount fail that somebody attempts this moment. So whom only such an open meets is met by <see cref="Prove"/>, before
    /// the first write.
    /// </summary>
    public HostUsage Read(HostInventory inventory) => Read(inventory, inventory.Passable);

    /// <summary>As <see cref="Read(HostInventory)"/>, of these devices alone.</summary>
    public HostUsage Read(HostInventory inventory, IEnumerable<DeviceId> devices)
    {
        var reading = new HostReading(paths, calls, _processes, inventory, IsGiven);
        return new HostUsage(
            devices
                .Select(d => (Device: d, Users: (ImmutableArray<DeviceUser>)[.. pods.UsersOf(d), .. reading.UsersOf(d)]))
                .Where(t => t.Users.Length > 0)
                .ToImmutableSortedDictionary(t => t.Device, t => t.Users)
        );
    }

    private bool IsGiven(DeviceId device) => !pods.UsersOf(device).IsEmpty;

    /// <summary>Proves that nobody uses these devices and holds the proof until it is disposed.</summary>
    /// <param name="overridden">Uses that do not count, because an admin allowed it.</param>
    public FreedomProof Prove(HostInventory inventory, ImmutableArray<DeviceId> devices, ImmutableArray<UserKind> overridden)
    {
        var groups = devices.Select(inventory.GroupOf).OfType<IommuGroup>().DistinctBy(g => g.Number).ToList();
        // Pods first: to open a group that a pod was given would make its VMM's own open fail.
        var having = groups
            .SelectMany(g => g.Members)
            .Select(m => (DeviceId)m)
            .Concat(devices)
            .Distinct()
            .SelectMany(d => pods.UsersOf(d))
            .Select(u => u.Description)
            .Distinct(StringComparer.Ordinal)
            .ToImmutableArray();
        if (!having.IsEmpty)
            return new FreedomProof(having, []);

        // Then the doors, then the look around: what slips in before a door is shut is seen by the look.
        var doors = new Doors(new HostFileReader(paths), calls);
        var busyGroups = groups.Where(doors.IsBusy).ToList();
        var busyDisks = overridden.Contains(UserKind.Mount) ? [] : doors.BusyDisksOver(devices);
        var reading = new HostReading(paths, calls, _processes, inventory, IsGiven);
        bool HasNamedUser(DeviceId device, string disk) =>
            reading.Storage.UsersByDisk(device).Any(u => u.Disk == disk && !overridden.Contains(u.User.Kind));
        var users = devices
            .SelectMany(d => reading.UsersOf(d).Where(u => !overridden.Contains(u.Kind)).Select(u => (Device: d, User: u)))
            .ToList();
        return new FreedomProof(
            [
                .. users.Select(u => $"{u.Device}: {u.User.Description}").Distinct(StringComparer.Ordinal),
                .. busyGroups.Where(g => !reading.Vfio.UsersOf(g).Any()).Select(reading.Vfio.Nameless),
                .. busyDisks.Where(d => !HasNamedUser(d.Device, d.Disk)).Select(d => $"{d.Device}: {Doors.Nameless(d.Device, d.Disk)}"),
                .. doors.Doubts,
            ],
            doors.Handles
        );
    }
}

/// <summary>
/// The answer of <see cref="UsageReader.Prove"/>. While it is kept and <see cref="IsFree"/>, nobody can begin to use the devices by group
/// or disk.
/// </summary>
public sealed class FreedomProof(ImmutableArray<string> users, IReadOnlyList<IDisposable> handles) : IDisposable
{
    public bool IsFree => Users.IsEmpty;

    /// <summary>Who uses them, one entry each; empty when they are free.</summary>
    public ImmutableArray<string> Users { get; } = users;

    public void Dispose()
    {
        foreach (var handle in handles)
            handle.Dispose();
    }
}
