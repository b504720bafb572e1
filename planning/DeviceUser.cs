using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning;

public enum UserKind
{
    /// <summary>A pod, by the kubelet's word or by an answer of ours that it has not shown yet.</summary>
    Pod,

    /// <summary>A process that has a VFIO group or cdev open.</summary>
    VfioHolder,

    /// <summary>A process that has another node of the device open.</summary>
    OpenNode,

    Mount,
    Swap,

    /// <summary>device-mapper, md or another block device on top.</summary>
    StackedDevice,

    /// <summary>The kernel says busy and nobody can be named, or nothing tells whether somebody uses it; protects all the same.</summary>
    Unknown,

    /// <summary>A use that the kernel waits for when the device is taken, for as long as it lasts.</summary>
    KernelWaits,

    NetworkAddress,

    /// <summary>A bond, bridge, VRF or other upper.</summary>
    NetworkUpper,

    /// <summary>The interface was moved to another network namespace.</summary>
    NetworkNamespace,

    Console,

    /// <summary>The physical function has virtual functions.</summary>
    VirtualFunctions,

    /// <summary>The parent has mediated devices.</summary>
    MediatedDevices,
}

/// <summary>Somebody who uses a device.</summary>
/// <param name="Description">Completes "in use: ...", for example <c>nvme0n1p1 is mounted at /data</c>.</param>
public sealed record DeviceUser(UserKind Kind, string Description)
{
    /// <summary>The protection that an admin must name to override this use; null when nothing overrides it.</summary>
    public Protection? Protection =>
        Kind switch
        {
            UserKind.Mount or UserKind.Swap or UserKind.StackedDevice => Crds.Kinds.Protection.Storage,
            UserKind.NetworkAddress or UserKind.NetworkUpper or UserKind.NetworkNamespace => Crds.Kinds.Protection.Network,
            UserKind.Console => Crds.Kinds.Protection.Console,
            _ => null,
        };
}

/// <summary>Who uses what, as one reading of the machine and of the kubelet shows it. The one answer to "in use, by whom".</summary>
public sealed record HostUsage(ImmutableSortedDictionary<DeviceId, ImmutableArray<DeviceUser>> ByDevice)
{
    public static HostUsage Nobody { get; } = new(ImmutableSortedDictionary<DeviceId, ImmutableArray<DeviceUser>>.Empty);

    /// <summary>The users of one device and of what hangs below it; empty when none is known.</summary>
    public ImmutableArray<DeviceUser> UsersOf(DeviceId device) => ByDevice.GetValueOrDefault(device, []);

    /// <summary>Who uses these devices, in words, one entry each. A pod stands for its processes: an admin ends the pod.</summary>
    public ImmutableArray<string> InWords(IEnumerable<DeviceId> devices) =>
        [
            .. devices
                .SelectMany(device =>
                {
                    var users = UsersOf(device);
                    var pods = users.Where(u => u.Kind == UserKind.Pod).ToList();
                    return pods.Count > 0 ? pods.Select(p => p.Description) : users.Select(u => $"{device}: {u.Description}");
                })
                .Distinct(StringComparer.Ordinal),
        ];
}
