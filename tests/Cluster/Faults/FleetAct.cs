using System.Globalization;
using Hostdev.Sandbox.Cluster;

namespace Hostdev.Tests.Cluster.Faults;

/// <summary>What admins and nodes do to a small fleet: the same for the same seed, whatever goes wrong beside it.</summary>
internal sealed record FleetAct(string Text, Action<ClusterSeat> Do)
{
    public const int Nodes = 6;
    private const int Policies = 4;
    private const string HostDevices = "hostdevices.hostdev.io";
    private static readonly string[] s_selectors =
    [
        "{}",
        "{matchLabels: {half: \"0\"}}",
        "{matchLabels: {half: \"1\"}}",
        "{matchExpressions: [{key: half, operator: Exists}]}",
    ];

    public static string Node(int index) => string.Create(CultureInfo.InvariantCulture, $"node-{index}");

    /// <summary>A story, at whose end every agent is there again.</summary>
    public static IReadOnlyList<FleetAct> Story(Random random)
    {
        var story = new List<FleetAct>();
        for (var policy = 0; policy < 2; policy++)
            story.Add(Apply(policy, random));
        for (var act = 0; act < 12; act++)
            story.Add(Next(random));
        for (var node = 0; node < Nodes; node++)
            story.Add(Agent(node, ready: true));
        return story;
    }

    public override string ToString() => Text;

    private static FleetAct Next(Random random)
    {
        var (policy, node) = (random.Next(Policies), random.Next(Nodes));
        return random.Next(10) switch
        {
            < 5 => Apply(policy, random),
            5 => new FleetAct($"delete policy-{policy}", s => s.Objects.Delete(HostDevices, Name(policy))),
            6 or 7 => Relabel(node, random.Next(3)),
            8 => new FleetAct($"delete the state of {Node(node)}", s => s.Objects.Delete("nodedevicestates.hostdev.io", Node(node))),
            _ => Agent(node, ready: random.Next(2) == 0),
        };
    }

    private static FleetAct Apply(int policy, Random random)
    {
        var (vendor, selector, limit) = (random.Next(1, 5), s_selectors[random.Next(s_selectors.Length)], random.Next(1, 4));
        return new FleetAct(
            $"apply policy-{policy}: vendor 000{vendor}, nodeSelector {selector}, maxUnavailable {limit}",
            seat =>
            {
                var wanted = ClusterBench.Yaml(
                    $$"""
                    apiVersion: hostdev.io/v1alpha1
                    kind: HostDevice
                    metadata: {name: {{Name(policy)}}}
                    spec:
                      resourceName: example.com/policy-{{policy}}
                      nodeSelector: {{selector}}
                      rollout: {maxUnavailable: {{limit}}}
                      devices:
                        pci:
                          selectors: [{vendor: "000{{vendor}}"}]
                    """
                );
                if (seat.Objects.Get(HostDevices, Name(policy)) is null)
                    seat.Objects.Create(wanted);
                else
                    seat.Objects.Change(HostDevices, Name(policy), p => p["spec"] = wanted["spec"]!.DeepClone());
            }
        );
    }

    private static FleetAct Relabel(int node, int half) =>
        new(
            $"label {Node(node)} half={(half == 2 ? "(none)" : half)}",
            seat =>
                seat.Objects.Change(
                    "nodes",
                    Node(node),
                    n =>
                    {
                        var labels = n["metadata"]!["labels"]!.AsObject();
                        labels.Remove("half");
                        if (half < 2)
                            labels["half"] = half.ToString(CultureInfo.InvariantCulture);
                    }
                )
        );

    private static FleetAct Agent(int node, bool ready) =>
        new($"the agent of {Node(node)} is {(ready ? "" : "not ")}Ready", seat => ClusterMembers.ShowAgent(seat, Node(node), ready));

    private static string Name(int policy) => string.Create(CultureInfo.InvariantCulture, $"policy-{policy}");
}
