using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// What another device plugin offers on this node, as far as its socket and the kubelet's checkpoint show it: the kubelet writes that with
/// each list that it is sent.
/// </summary>
/// <param name="Socket">The file name, in the kubelet's directory, of the socket that says the resource, or else of the first that says no
/// other one.</param>
/// <param name="Ids">Its healthy IDs, ordered: KubeVirt takes the number of the IOMMU group
/// (pkg/virt-handler/device-manager/pci_device.go and mediated_device.go), most others the PCI address.</param>
public sealed record OtherOffer(string Resource, string Socket, ImmutableArray<string> Ids)
{
    /// <summary>KubeVirt's own, or Harvester's: their IDs tell which.</summary>
    public bool IsNamedAsKubeVirts => SocketNames.IsAsOfKubeVirt(Socket) && SocketNames.Says(Socket, Resource);

    public bool Equals(OtherOffer? other) =>
        other is not null && (Resource, Socket) == (other.Resource, other.Socket) && Ids.SequenceEqual(other.Ids, StringComparer.Ordinal);

    public override int GetHashCode() => HashCode.Combine(Resource, Socket, Ids.Length);

    /// <summary>
    /// Ordered by resource. None while no other plugin has a socket there, or nothing can be read: the checkpoint keeps what is gone for a
    /// while, and proves nothing alone.
    /// </summary>
    /// <param name="isOurs">Whether we listed an ID under a resource's name.</param>
    internal static ImmutableArray<OtherOffer> Read(string directory, KubeletCheckpointReader checkpoint, Func<string, string, bool> isOurs)
    {
        var sockets = PluginSockets.Others(directory);
        if (sockets.IsEmpty)
            return [];
        var healthy = checkpoint.ReadHealthy();
        var silent = sockets.FirstOrDefault(s => !healthy.Keys.Any(r => SocketNames.Says(s, r)));
        var offers =
            from listed in healthy
            let ids = listed.Value.Where(id => !isOurs(listed.Key, id)).Order(StringComparer.Ordinal).ToImmutableArray()
            let socket = sockets.FirstOrDefault(s => SocketNames.Says(s, listed.Key)) ?? silent
            where socket is not null && !ids.IsEmpty
            orderby listed.Key
            select new OtherOffer(listed.Key, socket, ids);
        return [.. offers];
    }
}
