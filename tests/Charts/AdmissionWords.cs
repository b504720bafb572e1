namespace Hostdev.Tests.Charts;

/// <summary>What an agent reads that is refused by one of the chart's admission policies.</summary>
internal static class AdmissionWords
{
    public const string StatusOnly = "an agent writes the status of its node, and nothing else";
    public const string NoNode =
        "the agent's token names no node: use the token that is projected into its Pod, on Kubernetes 1.30 or later";
    public const string OwnNode = "an agent writes the state of its own node alone";
    public const string OwnName = "an agent's Events are reported by hostdev.io/agent and name its own Pod";
    public const string OwnState = "an agent's Events are about the NodeDeviceState of its own node";
    public const string OwnEvents = "an agent changes its own Events alone";
}
