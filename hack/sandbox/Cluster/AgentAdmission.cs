using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster;

/// <summary>
/// What a real API server evaluates as the chart's ValidatingAdmissionPolicies: an agent writes the status of its own node and Events about
/// that, and nothing else.
/// </summary>
public static class AgentAdmission
{
    public const string StatusOnly = "an agent writes the status of its node, and nothing else";
    public const string NoNode = "the agent's token names no node: use the token that is projected into its Pod, on Kubernetes 1.30 or later";
    public const string OwnNode = "an agent writes the state of its own node alone";
    public const string OwnName = "an agent's Events are reported by hostdev.io/agent and name its own Pod";
    public const string OwnState = "an agent's Events are about the NodeDeviceState of its own node";
    public const string OwnEvents = "an agent changes its own Events alone";

    private const string Policy = "hostdev-agent-own-node";
    private const string EventPolicy = "hostdev-agent-own-events";
    private const string Kubelet = "system:node:";
    private const string Controller = "hostdev.io/agent";

    /// <param name="ns">Where the agents live.</param>
    public static AdmissionRule For(string ns) => request => request.Resource.Plural switch
    {
        "nodedevicestates" when request.Resource.Group == HostdevKinds.Group => OfState(request, ns),
        "events" when !request.Resource.IsCustom => OfEvent(request, ns),
        _ => null,
    };

    private static AdmissionRefusal? OfState(AdmissionRequest request, string ns)
    {
        var user = request.User;
        var isKubelet = user.Name.StartsWith(Kubelet, StringComparison.Ordinal);
        if (!isKubelet && user.Name != Account(ns)) return null;
        var node = isKubelet ? user.Name[Kubelet.Length..] : Claim(user, ApiUser.NodeNameKey);
        return (request.Operation, request.Subresource) != ("UPDATE", "status") ? Denied(Policy, StatusOnly)
            : node.Length == 0 ? Denied(Policy, NoNode)
            : node != request.Name ? Denied(Policy, OwnNode)
            : null;
    }

    private static AdmissionRefusal? OfEvent(AdmissionRequest request, string ns)
    {
        if (request.User.Name != Account(ns) || request.Operation is not ("CREATE" or "UPDATE")) return null;
        var (node, pod) = (Claim(request.User, ApiUser.NodeNameKey), Claim(request.User, ApiUser.PodNameKey));
        var about = request.Object?["regarding"] ?? request.Object?["involvedObject"];
        return node.Length == 0 || pod.Length == 0 ? Denied(EventPolicy, NoNode)
            : !IsReportedBy(request.Object, pod) ? Denied(EventPolicy, OwnName)
            : about.Text("kind") != HostdevKinds.NodeDeviceStateResource.Kind || about.Text("name") != node ? Denied(EventPolicy, OwnState)
            : request.Operation == "UPDATE" && !IsReportedBy(request.OldObject, pod) ? Denied(EventPolicy, OwnEvents)
            : null;
    }

    /// <summary>In either form of an Event.</summary>
    private static bool IsReportedBy(JsonObject? it, string pod) =>
        it.Text("reportingInstance") == pod
        && (it.Text("reportingController") == Controller || it.Text("reportingComponent") == Controller);

    private static string Account(string ns) => $"system:serviceaccount:{ns}:{ClusterMembers.AgentAccount}";

    private static string Claim(ApiUser user, string key) => user.Extra.TryGetValue(key, out var names) && names is [var one] ? one : "";

    private static AdmissionRefusal Denied(string policy, string message) =>
        new($"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {message}", 403, "Forbidden");
}
