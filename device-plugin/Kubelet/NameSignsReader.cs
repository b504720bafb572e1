using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Looks for what shows that a resource name is another plugin's: what the kubelet's checkpoint has under it, the sockets beside ours, and
/// what pods have.
/// </summary>
internal sealed class NameSignsReader(ResourceName resource, AdvertiserContext context, DeviceListing listing)
{
    /// <param name="isRegistered">This kubelet has given us the name: then a socket that says it is all that counts.</param>
    public async Task<NameSigns> ReadAsync(bool isRegistered, CancellationToken cancellationToken)
    {
        var directory = context.Directory.Path;
        var sockets = PluginSockets.Others(directory).ToLookup(s => SocketNames.Says(s, resource.Value));
        var named = await PluginSockets.AnsweringAsync(directory, sockets[true], cancellationToken);
        if (isRegistered)
            return new NameSigns { Named = named };
        var healthy = context.Checkpoint.ReadHealthy();
        var listed = healthy
            .GetValueOrDefault(resource.Value, [])
            .Where(id => !listing.IsOurs(id))
            .Order(StringComparer.Ordinal)
            .ToImmutableArray();
        var mayBe = listed.IsEmpty ? [] : sockets[false].Where(s => !healthy.Keys.Any(other => SocketNames.Says(s, other)));
        var (held, unseen) = Held();
        return new NameSigns
        {
            Listed = listed,
            Held = held,
            Named = named,
            Others = await PluginSockets.AnsweringAsync(directory, mayBe, cancellationToken),
            IsEarly = named.IsEmpty && (unseen || (!context.Listed.IsKnown && !(listed.IsEmpty && held.IsEmpty))),
        };
    }

    /// <summary>
    /// The kubelet's list shows who has what. Its checkpoint keeps pods that are gone, so it counts only for what the list may lack.
    /// </summary>
    private (ImmutableArray<(string Id, string Pod)> Held, bool Unseen) Held()
    {
        var booked = context.Checkpoint.Read() is CheckpointReading.Read read
            ? read
                .Devices.Where(d => d.Key.Resource == resource.Value && !listing.IsOurs(d.Key.Id))
                .Select(d => (d.Key.Id, Pod: d.Value))
                .ToList()
            : [];
        var held = context.Pods() switch
        {
            null => [],
            PodUseReading.Listed listed => listed
                .Devices.Where(d => d.Resource == resource.Value && !listing.IsOurs(d.Id))
                .Select(d => (d.Id, Pod: $"pod {d.Pod}"))
                .Concat(listed.Doubt is null ? [] : booked),
            _ => booked,
        };
        return ([.. held.DistinctBy(h => h.Id).OrderBy(h => h.Id, StringComparer.Ordinal)], context.Pods() is null && booked.Count > 0);
    }
}
