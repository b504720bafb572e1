using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// What the API server answered to the last write of the status. Until the watch has brought it, or something newer, it is what stands
/// there: a difference to anything older would leave out what was written in between.
/// </summary>
/// <param name="Before">The resourceVersion that the store had when the write was made.</param>
/// <param name="Answer">The object as it was stored.</param>
/// <param name="Timestamp">When the answer came, by the monotonic clock.</param>
internal sealed record WrittenStatus(string? Before, NodeDeviceState Answer, long Timestamp)
{
    /// <summary>
    /// So long the watch may take. A store that is older even then may be right: an etcd that was restored counts anew, and what was
    /// answered before that is not there any more.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Whether the watch has yet to bring our write.</summary>
    public bool IsAheadOf(NodeDeviceState stored)
    {
        var (theirs, ours) = (stored.Metadata, Answer.Metadata);
        if (theirs.Uid != ours.Uid || theirs.ResourceVersion == ours.ResourceVersion)
            return false;
        return theirs.ResourceVersion == Before || ResourceVersions.IsOlder(theirs, ours);
    }
}
