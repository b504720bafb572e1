using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Finds out that the kubelet goes by the list of another plugin of the same name. The newest registration has the name, and the stream of
/// the one before lives on unheard (kubernetes <c>pkg/kubelet/cm/devicemanager</c>, PluginConnected), so only the kubelet's checkpoint
/// shows it: it names devices as healthy that we never listed. A plugin that lists the very same IDs cannot be told from us. Not
/// thread-safe.
/// </summary>
/// <param name="patience">How long they must stay: the checkpoint is written a moment after a list is sent.</param>
internal sealed class ForeignLists(ResourceName resource, KubeletCheckpointReader checkpoint, DeviceListing listing, TimeSpan patience)
{
    private DateTimeOffset? _since;

    /// <summary>The foreign IDs when they have stayed; empty while the kubelet goes by our list, as far as can be known.</summary>
    public ImmutableArray<string> Look(bool streamLive, DateTimeOffset now)
    {
        var foreign = checkpoint
            .ReadHealthy(resource.Value)
            .Where(id => !listing.Knows(id))
            .Order(StringComparer.Ordinal)
            .ToImmutableArray();
        _since = streamLive && !foreign.IsEmpty ? _since ?? now : null;
        return _since is { } since && now - since >= patience ? foreign : [];
    }
}
