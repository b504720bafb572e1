using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host;

/// <summary>Kernel events, coalesced: many in a burst are one wake-up.</summary>
public interface IUeventSource : IAsyncDisposable
{
    /// <summary>
    /// Waits for the next events and returns all that have come. Never empty. <see cref="UeventBatch.Lost"/> says that the kernel dropped
    /// some (ENOBUFS): read everything again.
    /// </summary>
    ValueTask<UeventBatch> NextAsync(CancellationToken cancellationToken);
}

public sealed record UeventBatch(ImmutableArray<Uevent> Events, bool Lost);

/// <summary>One event of the kernel (NETLINK_KOBJECT_UEVENT, group 1).</summary>
/// <param name="Action">add, remove, change, bind, unbind, move, online, offline.</param>
/// <param name="DevPath">Below <c>/sys</c>, for example <c>/devices/pci0000:40/0000:40:00.0/0000:41:00.0</c>.</param>
/// <param name="Subsystem">pci, vfio, vfio-dev, mdev, usb, net, block and so on.</param>
public sealed record Uevent(string Action, string DevPath, string Subsystem, ImmutableSortedDictionary<string, string> Properties);
