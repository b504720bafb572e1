namespace Hostdev.Operator.Projection;

/// <summary>
/// Reasons that conditions of policies have, beside those that agents report (<see cref="Crds.Kinds.ResultReasons"/>) and those of specs that cannot be understood
/// (<see cref="Crds.Parsing.FrozenReasons"/>).
/// </summary>
public static class PolicyReasons
{
    /// <summary>Cause: an earlier policy uses the resource name for another kind of device, or one that KubeVirt cannot tell from it. Remedy: use another name.</summary>
    public const string ResourceNameConflict = "ResourceNameConflict";

    /// <summary>Cause: an agent's Pod is not Ready, so nobody knows what is on its node. Remedy: look at that Pod's log.</summary>
    public const string AgentNotReady = "AgentNotReady";

    /// <summary>Cause: the nodes are to give everything back (annotation <c>hostdev.io/give-back</c>). Remedy: <c>hostdev-operator give-back --undo</c>.</summary>
    public const string GiveBack = "GiveBack";

    /// <summary>Nothing is under way.</summary>
    public const string Settled = "Settled";

    /// <summary>Nodes are being changed, so many at a time as <c>rollout.maxUnavailable</c> allows.</summary>
    public const string RollingOut = "RollingOut";

    /// <summary>Nodes lack virtual functions that pools name, and nothing else is left. Remedy: make them there, or lower the pools' ranges.</summary>
    public const string Incomplete = "Incomplete";

    /// <summary>Everything that is left waits for VMs that have the devices. Remedy: stop or migrate them, or wait.</summary>
    public const string WaitsForUsers = "WaitsForUsers";

    /// <summary>
    /// Cause: a node that was ready is Degraded with the present generation, and no further node gets it. Remedy: mend that node, change
    /// the policy, or allow all nodes at a time.
    /// </summary>
    public const string Halted = "Halted";

    /// <summary>Nothing is wrong.</summary>
    public const string AsDesired = "AsDesired";
}
