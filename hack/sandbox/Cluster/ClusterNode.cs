using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Kernel;
using Hostdev.Kube.Client;

namespace Hostdev.Sandbox.Cluster;

/// <summary>A node of a sandbox cluster: its machine, its kubelet, its agent, and the objects that a kubelet and a DaemonSet would keep for it.</summary>
public sealed class ClusterNode : SandboxNode
{
    private readonly SandboxCluster _cluster;
    private KubeClient? _client;

    public ClusterNode(SandboxCluster cluster, string name, SimulatedKernel kernel, ImmutableSortedDictionary<string, string> labels)
        : base(kernel, Path.Combine(cluster.Directory, name))
    {
        (_cluster, Name) = (cluster, name);
        var all = labels.SetItem("kubernetes.io/hostname", name);
        cluster.Server.Objects.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject(all.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))) },
        });
        cluster.Server.Objects.Change("nodes", name, node => node["status"] = new JsonObject { ["conditions"] = Conditions(true), ["nodeInfo"] = new JsonObject { ["kubeletVersion"] = "v1.34.0" } }, "", "status", "kubelet");
    }

    public string Name { get; }

    private string PodName => $"hostdev-device-plugin-{Name}";

    /// <summary>Starts the agent and, as its DaemonSet and kubelet would, shows its Pod.</summary>
    public void StartAgent()
    {
        var user = ApiUser.ServiceAccount(SandboxCluster.SystemNamespace, "hostdev-device-plugin", Name);
        _client = _cluster.CreateClient(user, "hostdev-device-plugin/sandbox");
        StartAgent(new AgentOptions { NodeState = new NodeStateOptions(_client, Name, PodName) { StatusInterval = TimeSpan.FromSeconds(0.2), StartJitter = TimeSpan.Zero } });
        ShowAgent(ready: true);
    }

    public override async Task StopAgentAsync()
    {
        if (AgentRuns) ShowAgent(ready: false);
        await base.StopAgentAsync();
        _client?.Dispose();
        _client = null;
    }

    /// <summary>What the kubelet reports of the agent's Pod.</summary>
    public void ShowAgent(bool ready)
    {
        var objects = _cluster.Server.Objects;
        if (objects.Get("pods", PodName, SandboxCluster.SystemNamespace) is null)
        {
            objects.Create(new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject
                {
                    ["name"] = PodName,
                    ["namespace"] = SandboxCluster.SystemNamespace,
                    ["labels"] = new JsonObject { ["app.kubernetes.io/name"] = "hostdev", ["app.kubernetes.io/component"] = "device-plugin" },
                },
                ["spec"] = new JsonObject { ["nodeName"] = Name, ["containers"] = new JsonArray(new JsonObject { ["name"] = "device-plugin", ["image"] = "hostdev-device-plugin" }) },
            });
        }

        objects.Change("pods", PodName, pod => pod["status"] = new JsonObject { ["phase"] = "Running", ["conditions"] = Conditions(ready) }, SandboxCluster.SystemNamespace, "status", "kubelet");
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _client?.Dispose();
    }

    private static JsonArray Conditions(bool ready) => new(new JsonObject { ["type"] = "Ready", ["status"] = ready ? "True" : "False", ["lastTransitionTime"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'") });
}
