using Hostdev.Crds.Kinds;
using Hostdev.Sandbox.ApiServer.Access;

namespace Hostdev.Sandbox.Cluster;

/// <summary>What a real API server evaluates as the chart's ValidatingAdmissionPolicy: an agent writes the status of its own node, and nothing else.</summary>
public static class AgentAdmission
{
    public const string StatusOnly = "an agent writes the status of its node, and nothing else";
    public const string NoNode = "the agent's token names no node: use the token that is projected into its Pod, on Kubernetes 1.30 or later";
    public const string OwnNode = "an agent writes the state of its own node alone";

    private const string Policy = "hostdev-agent-own-node";
    private const string Kubelet = "system:node:";

    /// <param name="ns">Where the agents live.</param>
    public static AdmissionRule For(string ns) => request =>
    {
        var user = request.User;
        var isKubelet = user.Name.StartsWith(Kubelet, StringComparison.Ordinal);
        if (request.Resource.Group != HostdevKinds.Group || request.Resource.Plural != HostdevKinds.NodeDeviceStateResource.Plural) return null;
        if (!isKubelet && user.Name != $"system:serviceaccount:{ns}:{ClusterMembers.AgentAccount}") return null;
        var node = isKubelet ? user.Name[Kubelet.Length..] : user.Extra.TryGetValue(ApiUser.NodeNameKey, out var names) && names is [var one] ? one : "";
        return (request.Operation, request.Subresource) != ("UPDATE", "status") ? Denied(StatusOnly)
            : node.Length == 0 ? Denied(NoNode)
            : node != request.Name ? Denied(OwnNode)
            : null;
    };

    private static AdmissionRefusal Denied(string message) => new($"ValidatingAdmissionPolicy '{Policy}' with binding '{Policy}' denied request: {message}", 403, "Forbidden");
}
