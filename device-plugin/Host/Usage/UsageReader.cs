using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Host.Usage;

/// <summary>What pods have, by the allocator's and the kubelet's word.</summary>
public interface IPodUsage
{
    /// <summary>The pods that have this function, or may have it; empty when it is known to be free of them.</summary>
    ImmutableArray<DeviceUser> UsersOf(PciAddress address);
}

/// <summary>
/// The one place that says who uses a device. <see cref="Read"/> looks without touching anything, for planning; <see cref="Prove"/> also closes the door:
/// while its result is kept, nobody can begin to use the device (contracts/kernel.md, "Proof that it is free").
/// </summary>
public sealed class UsageReader(HostPaths paths, IHostCalls calls, IPodUsage pods)
{
    /// <summary>Who uses what now, over all functions that are no bridges. Functions nobody uses are left out.</summary>
    public HostUsage Read(HostInventory inventory)
    {
        var reading = new Reading(paths, calls, inventory);
        return new HostUsage(inventory.Functions.Values
            .Where(f => !f.IsBridge)
            .Select(f => (f.Address, Users: UsersOf(f, reading)))
            .Where(t => t.Users.Length > 0)
            .ToImmutableSortedDictionary(t => t.Address, t => t.Users));
    }

    /// <summary>Proves that nobody uses these functions and holds the proof until it is disposed.</summary>
    /// <param name="overridden">Uses that do not count, because an admin allowed it.</param>
    public FreedomProof Prove(HostInventory inventory, ImmutableArray<PciAddress> addresses, ImmutableArray<UserKind> overridden)
    {
        var handles = new List<IDisposable>();
        var users = new List<string>();
        var functions = addresses.Select(inventory.Functions.GetValueOrDefault).OfType<PciFunction>().ToList();
        // Doors first, then the look around: what slips in before a door is shut is seen by the look.
        foreach (var group in functions.Where(f => f.VfioCdev is not null).Select(f => f.IommuGroup).OfType<int>().Distinct())
        {
            Shut($"/dev/vfio/{group}", OpenIntent.VfioGroup, $"IOMMU group {group} is held open", handles, users);
        }

        if (!overridden.Contains(UserKind.Mount))
        {
            foreach (var disk in functions.SelectMany(f => f.Children).Where(c => c.Kind == ChildKind.Disk).DistinctBy(c => c.Name))
            {
                Shut($"/dev/{disk.Name}", OpenIntent.WholeDisk, $"{disk.Name} is in use by the kernel (a mount, partition, device-mapper, md or swap)", handles, users);
            }
        }

        var reading = new Reading(paths, calls, inventory);
        foreach (var function in functions)
        {
            users.AddRange(UsersOf(function, reading).Where(u => !overridden.Contains(u.Kind)).Select(u => $"{function.Address}: {u.Description}"));
        }

        return new FreedomProof([.. users], handles);
    }

    private void Shut(string node, OpenIntent intent, string busy, List<IDisposable> handles, List<string> users)
    {
        var result = calls.Open(node, intent);
        if (result.Handle is not null) handles.Add(result.Handle);
        else if (result.Error == Errno.EBUSY) users.Add(busy);
        else if (result.Error != Errno.ENOENT && result.Error != Errno.ENODEV && result.Error != Errno.ENXIO) users.Add($"{node} cannot be opened to prove that it is free: {result.Error}");
    }

    private ImmutableArray<DeviceUser> UsersOf(PciFunction function, Reading reading)
    {
        List<DeviceUser> users = [.. pods.UsersOf(function.Address), .. reading.Holders(function)];
        // A function on a passthrough driver carries nothing of the host's; boot_vga stays 1 for ever.
        if (function.Driver is null || !reading.Inventory.Facts.PassthroughDrivers.Contains(function.Driver))
        {
            if (function.BootVga) users.Add(new DeviceUser(UserKind.Console, "it is the console (boot VGA)"));
            foreach (var disk in function.Children.Where(c => c.Kind == ChildKind.Disk)) users.AddRange(reading.Storage.UsersOf(disk.Name));
            users.AddRange(reading.Network.UsersOf(function));
        }

        var mdevs = reading.Inventory.Mdevs.Count(m => m.Parent == function.Address.ToString());
        if (mdevs > 0) users.Add(new DeviceUser(UserKind.MediatedDevices, $"it has {mdevs} mediated devices"));
        return [.. users.Distinct()];
    }

    /// <summary>One look at /proc and the network, shared by all functions.</summary>
    private sealed class Reading(HostPaths paths, IHostCalls calls, HostInventory inventory)
    {
        private readonly ILookup<string, OpenNode> _open = new ProcessReader(paths).ReadOpenNodes().ToLookup(o => o.Target);

        public HostInventory Inventory { get; } = inventory;

        public StorageUsage Storage { get; } = new(paths, new ProcessReader(paths).ReadMounts(), new ProcessReader(paths).ReadSwaps());

        public NetworkUsage Network { get; } = new(paths, calls.ReadNetwork());

        /// <summary>Processes that have the function's group, cdev or other nodes open.</summary>
        public IEnumerable<DeviceUser> Holders(PciFunction function)
        {
            if (function.VfioCdev is not null)
            {
                var vfio = _open[$"/dev/vfio/{function.IommuGroup}"].Concat(_open[$"/dev/vfio/devices/{function.VfioCdev}"]);
                foreach (var o in vfio) yield return new DeviceUser(UserKind.VfioHolder, $"{o.Target} is held open by process {o.Pid} ({o.Command})");
            }

            foreach (var o in function.Children.Where(c => c.Node is not null).SelectMany(c => _open[c.Node!]))
            {
                yield return new DeviceUser(UserKind.OpenNode, $"{o.Target} is open in process {o.Pid} ({o.Command})");
            }
        }
    }
}

/// <summary>The answer of <see cref="UsageReader.Prove"/>. While it is kept and <see cref="IsFree"/>, nobody can begin to use the devices by group or disk.</summary>
public sealed class FreedomProof(ImmutableArray<string> users, IReadOnlyList<IDisposable> handles) : IDisposable
{
    public bool IsFree => Users.IsEmpty;

    /// <summary>Who uses them, one entry each; empty when they are free.</summary>
    public ImmutableArray<string> Users { get; } = users;

    public void Dispose()
    {
        foreach (var handle in handles) handle.Dispose();
    }
}
