using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;

namespace Hostdev.Sandbox.Cluster;

/// <summary>The objects that a kubelet, a DaemonSet and its controller keep for a node with an agent.</summary>
public static class ClusterMembers
{
    /// <summary>The service accounts, as the chart names them.</summary>
    public const string AgentAccount = "hostdev-agent";

    public const string OperatorAccount = "hostdev-operator";

    public static string AgentPod(string node) => $"hostdev-device-plugin-{node}";

    /// <summary>As the token shows it that is projected into the agent's Pod.</summary>
    public static ApiUser AgentUser(string ns, string node) => ApiUser.ServiceAccount(ns, AgentAccount, node, AgentPod(node));

    public static void AddNode(ClusterSeat seat, string name, IEnumerable<KeyValuePair<string, string>> labels)
    {
        var all = new JsonObject(labels.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value)))
        {
            ["kubernetes.io/hostname"] = name,
            ["kubernetes.io/os"] = "linux",
        };
        seat.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Node",
                ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = all },
            }
        );
        seat.Objects.Change(
            "nodes",
            name,
            node => node["status"] = new JsonObject { ["conditions"] = Conditions(true), ["nodeInfo"] = NodeInfo() },
            "",
            "status",
            "kubelet"
        );
    }

    /// <summary>What the kubelet reports of the agent's Pod, which its DaemonSet has made.</summary>
    public static void ShowAgent(ClusterSeat seat, string node, bool ready)
    {
        var (objects, pod) = (seat.Objects, AgentPod(node));
        if (objects.Get("pods", pod, seat.Namespace) is null)
        {
            objects.Create(
                new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Pod",
                    ["metadata"] = new JsonObject
                    {
                        ["name"] = pod,
                        ["namespace"] = seat.Namespace,
                        ["labels"] = new JsonObject
                        {
                            ["app.kubernetes.io/name"] = "hostdev",
                            ["app.kubernetes.io/component"] = "device-plugin",
                        },
                    },
                    ["spec"] = new JsonObject
                    {
                        ["nodeName"] = node,
                        ["serviceAccountName"] = AgentAccount,
                        ["automountServiceAccountToken"] = false,
                        ["tolerations"] = new JsonArray(new JsonObject { ["operator"] = "Exists" }),
                        ["containers"] = Containers("device-plugin", "hostdev-device-plugin"),
                    },
                }
            );
        }

        objects.Change("pods", pod, it => it["status"] = Running("device-plugin", ready), seat.Namespace, "status", "kubelet");
    }

    /// <summary>The Pod of an operator that no Deployment has made.</summary>
    /// <param name="node">Where it runs; empty for nowhere yet.</param>
    public static void ShowOperator(ClusterSeat seat, string pod, string node)
    {
        if (seat.Objects.Get("pods", pod, seat.Namespace) is not null)
            return;
        var spec = new JsonObject { ["serviceAccountName"] = OperatorAccount, ["containers"] = Containers("operator", "hostdev-operator") };
        if (node.Length > 0)
            spec["nodeName"] = node;
        seat.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject
                {
                    ["name"] = pod,
                    ["namespace"] = seat.Namespace,
                    ["labels"] = new JsonObject { ["app.kubernetes.io/name"] = "hostdev", ["app.kubernetes.io/component"] = "operator" },
                },
                ["spec"] = spec,
            }
        );
        seat.Objects.Change("pods", pod, it => it["status"] = Running("operator", ready: true), seat.Namespace, "status", "kubelet");
    }

    private static JsonObject Running(string container, bool ready) =>
        new()
        {
            ["phase"] = "Running",
            ["conditions"] = Conditions(ready),
            ["containerStatuses"] = new JsonArray(
                new JsonObject
                {
                    ["name"] = container,
                    ["ready"] = ready,
                    ["restartCount"] = 0,
                    ["image"] = "",
                    ["imageID"] = "",
                    ["state"] = new JsonObject { ["running"] = new JsonObject() },
                }
            ),
        };

    private static JsonArray Containers(string name, string image) =>
        new(
            new JsonObject
            {
                ["name"] = name,
                ["image"] = image,
                ["args"] = new JsonArray("run"),
            }
        );

    private static JsonArray Conditions(bool ready) =>
        new(
            new JsonObject
            {
                ["type"] = "Ready",
                ["status"] = ready ? "True" : "False",
                ["lastTransitionTime"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
            }
        );

    private static JsonObject NodeInfo() =>
        new()
        {
            ["machineID"] = "",
            ["systemUUID"] = "",
            ["bootID"] = "",
            ["kernelVersion"] = "6.8.0",
            ["osImage"] = "simulated",
            ["containerRuntimeVersion"] = "containerd://2.0.0",
            ["kubeletVersion"] = "v1.36.0",
            ["kubeProxyVersion"] = "",
            ["operatingSystem"] = "linux",
            ["architecture"] = "amd64",
        };
}
