using System.Globalization;
using Hostdev.Crds.Kinds;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// What the API server answered to the last write of the status. Until the watch has brought it, or something newer, it is what stands there: a difference to anything older would leave out
/// what was written in between.
/// </summary>
/// <param name="Before">The resourceVersion that the store had when the write was made.</param>
/// <param name="Answer">The object as it was stored.</param>
/// <param name="Timestamp">When the answer came, by the monotonic clock.</param>
internal sealed record WrittenStatus(string? Before, NodeDeviceState Answer, long Timestamp)
{
    /// <summary>
    /// So long the watch may take. A store that is older even then may be right: an etcd that was restored counts anew, and what was answered before that is not there any more.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Whether the watch has yet to bring our write. Versions of one object grow (KEP-5504 says of all API servers what those with etcd always did); where they are no numbers, anything but
    /// what stood there before the write is taken for newer.
    /// </summary>
    public bool IsAheadOf(NodeDeviceState stored)
    {
        var (theirs, ours) = (stored.Metadata, Answer.Metadata);
        if (theirs.Uid != ours.Uid || theirs.ResourceVersion == ours.ResourceVersion) return false;
        return theirs.ResourceVersion == Before || (Number(theirs.ResourceVersion) is { } stands && Number(ours.ResourceVersion) is { } written && stands < written);
    }

    private static ulong? Number(string? version) => ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
