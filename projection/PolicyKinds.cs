using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;

namespace Hostdev.Projection;

/// <summary>The kinds of policies.</summary>
public static class PolicyKinds
{
    public static ImmutableArray<KubeKind<PolicyObject>> All { get; } =
    [HostdevKinds.HostDevices, HostdevKinds.SriovPolicies, HostdevKinds.MdevProfiles];

    /// <param name="kind">For example <c>HostDevice</c>.</param>
    public static KubeKind<PolicyObject> Of(string kind) => All.First(k => k.Resource.Kind == kind);
}
