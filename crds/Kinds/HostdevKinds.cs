using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>Where the API server keeps our kinds, and what they are read into.</summary>
public static class HostdevKinds
{
    public const string Group = "hostdev.io";

    public const string Version = "v1alpha1";

    public static KubeResource NodeDeviceStateResource { get; } =
        new(Group, Version, "NodeDeviceState", "nodedevicestates", Namespaced: false);

    public static KubeKind<PolicyObject> HostDevices { get; } = Policy("HostDevice", "hostdevices");

    public static KubeKind<PolicyObject> SriovPolicies { get; } = Policy("SriovPolicy", "sriovpolicies");

    public static KubeKind<PolicyObject> MdevProfiles { get; } = Policy("MdevProfile", "mdevprofiles");

    /// <summary>For the agent, which reads its own.</summary>
    public static KubeKind<NodeDeviceState> NodeDeviceStates { get; } =
        new(NodeDeviceStateResource, CrdsJsonContext.Default.NodeDeviceState);

    /// <summary>For the operator, which reads all.</summary>
    public static KubeKind<NodeDeviceStateSummary> NodeDeviceStateSummaries { get; } =
        new(NodeDeviceStateResource, CrdsJsonContext.Default.NodeDeviceStateSummary);

    /// <summary>For the operator, which applies the spec.</summary>
    public static KubeKind<NodeProjection> NodeProjections { get; } = new(NodeDeviceStateResource, CrdsJsonContext.Default.NodeProjection);

    private static KubeKind<PolicyObject> Policy(string kind, string plural) =>
        new(new KubeResource(Group, Version, kind, plural, Namespaced: false), CrdsJsonContext.Default.PolicyObject);
}
