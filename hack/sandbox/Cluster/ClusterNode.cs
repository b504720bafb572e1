using System.Collections.Immutable;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.Kernel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Sandbox.Cluster;

/// <summary>
/// A node of a sandbox cluster: its machine, its kubelet, its agent, and the objects that a kubelet and a DaemonSet would keep for it.
/// </summary>
public sealed class ClusterNode : SandboxNode
{
    private readonly ClusterSeat _seat;
    private KubeClient? _client;

    public ClusterNode(ClusterSeat seat, string name, SimulatedKernel kernel, ImmutableSortedDictionary<string, string> labels)
        : base(kernel, Path.Combine(seat.Directory, name))
    {
        (_seat, Name) = (seat, name);
        ClusterMembers.AddNode(seat, name, labels);
    }

    public string Name { get; }

    /// <summary>Starts the agent and, as its DaemonSet and kubelet would, shows its Pod.</summary>
    /// <param name="clock">The machine's; by default this one's.</param>
    public void StartAgent(TimeProvider? clock = null)
    {
        ShowAgent(ready: false); // a token is made for a Pod that is there
        _client = _seat.Connect(
            ClusterMembers.AgentUser(_seat.Namespace, Name),
            "hostdev-device-plugin/sandbox",
            NullLoggerFactory.Instance
        );
        StartAgent(
            new AgentOptions
            {
                NodeState = new NodeStateOptions(_client, Name, ClusterMembers.AgentPod(Name))
                {
                    StatusInterval = TimeSpan.FromSeconds(0.2),
                    StartJitter = TimeSpan.Zero,
                },
            },
            clock
        );
        ShowAgent(ready: true);
    }

    public override async Task StopAgentAsync()
    {
        if (AgentRuns)
            ShowAgent(ready: false);
        await base.StopAgentAsync();
        _client?.Dispose();
        _client = null;
    }

    /// <summary>What the kubelet reports of the agent's Pod.</summary>
    public void ShowAgent(bool ready) => ClusterMembers.ShowAgent(_seat, Name, ready);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _client?.Dispose();
    }
}
