using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One device as the kubelet is to see it: one ID stands for one IOMMU group (or one mdev, USB or SCSI device).</summary>
/// <param name="Id">The stable ID, at most 63 characters, unique on the node over all resources: the group's lowest address that is not a
/// bridge; mdev: UUID; USB: port path; SCSI: address.</param>
/// <param name="Healthy">False takes the device out of allocatable; it stays in capacity.</param>
/// <param name="NumaNode">The NUMA node, or null when the host does not know one: then no topology is sent.</param>
public sealed record AdvertisedDevice(string Id, bool Healthy, int? NumaNode);

/// <summary>
/// One resource and all its devices, ordered by ID. An empty list is a resource with 0 devices, which is registered all the same.
/// </summary>
public sealed record AdvertisedResource(ResourceName Name, ImmutableArray<AdvertisedDevice> Devices)
{
    public bool Equals(AdvertisedResource? other) => other is not null && Name == other.Name && Devices.SequenceEqual(other.Devices);

    public override int GetHashCode() => HashCode.Combine(Name, Devices.Length);
}
