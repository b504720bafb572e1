namespace Hostdev.Tests.Charts;

/// <summary>What one of our accounts reads that is refused by one of the chart's admission policies.</summary>
internal static class AdmissionWords
{
    public const string StatusOnly = "an agent writes the status of its node, and nothing else";
    public const string NoNode =
        "the agent's token names no node: use the token that is projected into its Pod, on Kubernetes 1.30 or later";
    public const string OwnNode = "an agent writes the state of its own node alone";
    public const string OwnName = "an agent's Events are reported by hostdev.io/agent and name its own Pod";
    public const string OwnState = "an agent's Events are about the NodeDeviceState of its own node";
    public const string OwnEvents = "an agent changes its own Events alone";
    public const string LabelsOnly = "the operator labels Nodes, and does nothing else to them";
    public const string OwnLabels = "the operator sets and removes labels hostdev.io/pci-VENDOR-DEVICE.present alone";
    public const string NothingElse = "the operator changes nothing of a Node but its labels";
    public const string AsksOnly = "give-back asks nodes to give back, and writes nothing else";
    public const string OwnAnnotation = "give-back sets and removes the annotation hostdev.io/give-back alone";
    public const string EmptiesOnly = "give-back empties the list of a node's policies, and puts nothing into it";
}
