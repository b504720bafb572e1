using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// What a device plugin of KubeVirt's own offers on this node, as far as its socket and the kubelet's checkpoint show it.
/// </summary>
/// <param name="Socket">Its file name in the kubelet's directory.</param>
/// <param name="Ids">Its healthy IDs, ordered: KubeVirt takes the number of the IOMMU group
/// (pkg/virt-handler/device-manager/pci_device.go).</param>
public sealed record KubeVirtOffer(string Resource, string Socket, ImmutableArray<string> Ids)
{
    public bool Equals(KubeVirtOffer? other) =>
        other is not null && (Resource, Socket) == (other.Resource, other.Socket) && Ids.SequenceEqual(other.Ids, StringComparer.Ordinal);

    public override int GetHashCode() => HashCode.Combine(Resource, Socket, Ids.Length);

    /// <summary>Ordered by resource; none while KubeVirt has no socket there, or nothing can be read.</summary>
    internal static ImmutableArray<KubeVirtOffer> Read(string directory, KubeletCheckpointReader checkpoint)
    {
        var sockets = PluginSockets.Others(directory).Where(SocketNames.IsOfKubeVirt).ToList();
        if (sockets.Count == 0)
            return [];
        var offers =
            from listed in checkpoint.ReadHealthy()
            from socket in sockets
            where SocketNames.Says(socket, listed.Key)
            orderby listed.Key
            select new KubeVirtOffer(listed.Key, socket, [.. listed.Value.Order(StringComparer.Ordinal)]);
        return [.. offers];
    }
}
