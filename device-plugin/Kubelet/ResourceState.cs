using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>How one resource stands with the kubelet, for the node's status.</summary>
/// <param name="Registered">True when this kubelet accepted the last registration and has our socket.</param>
/// <param name="StreamLive">True while the kubelet watches our list: only then does the node offer the resource.</param>
/// <param name="Removed">True when nothing asks for the resource any more and it stays only for its last holders.</param>
/// <param name="Problem">What an admin should know, with its remedy; null when all is well.</param>
/// <param name="Listed">The list as it is or will be sent.</param>
/// <param name="Leaving">IDs that stay listed, Unhealthy, until they are proven free.</param>
/// <param name="Refused">IDs shown Unhealthy after a refused Allocate, with the sentence.</param>
public sealed record ResourceState(
    ResourceName Name,
    bool Registered,
    bool StreamLive,
    bool Removed,
    ResourceProblem? Problem,
    ImmutableArray<AdvertisedDevice> Listed,
    ImmutableArray<string> Leaving,
    ImmutableArray<RefusedDevice> Refused
);

/// <summary>Why a resource does not reach the kubelet as it should.</summary>
public sealed record ResourceProblem(Reason Reason, string Message);
