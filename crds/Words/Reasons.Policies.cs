namespace Hostdev.Crds.Words;

public static partial class Reasons
{
    /// <summary>What became of a policy, on one node and on all of them: of results and of its conditions.</summary>
    public static readonly ReasonTable Policies = new();

    public static readonly Reason Ready = Policies.Add(new("Ready", "everything that matches is offered", "none needed", Ends.Nothing));

    public static readonly Reason NoMatch = Policies.Add(
        new(
            "NoMatch",
            "nothing matches: no node is chosen, or no device on any of them; of a node: no device there",
            "the message says which, and what to compare",
            Ends.Admin
        )
    );

    public static readonly Reason Blocked = Policies.Add(
        new(
            "Blocked",
            "some node cannot offer everything, or does not understand the policy",
            "the message is that node's; `status.problems` has more; [Reasons](#reasons) explains them",
            Ends.Admin
        )
        {
            IsTrouble = true,
        }
    );

    public static readonly Reason Frozen = Policies.Add(
        new(
            "Frozen",
            "the node's agent does not understand the policy; what is in force there stays",
            "update the agent, or correct the policy",
            Ends.Admin
        )
        {
            IsTrouble = true,
        }
    );

    public static readonly Reason InvalidStatus = Policies.Add(
        new(
            "InvalidStatus",
            "of a node: its NodeDeviceState says of the policy what cannot be so, and counts for nothing there",
            "the message names the field; look which agent runs on the node, and who else has its token",
            Ends.Event
        )
        {
            IsTrouble = true,
        }
    );

    public static readonly Reason NodeFull = Policies.Add(
        new(
            "NodeFull",
            "some node has as many policies as a NodeDeviceState holds, and does not get this one, or its present version; what the "
                + "node has stays",
            "delete policies that choose the node and are not needed, narrow their `nodeSelector`, or join policies into one",
            Ends.Admin
        )
    );

    public static readonly Reason Progressing = Policies.Add(
        new(
            "Progressing",
            "of `Ready`: nodes are still being changed; of a node: something is under way, or waits for its users",
            "wait; the message says for what",
            Ends.Event
        )
    );

    public static readonly Reason RollingOut = Policies.Add(
        new("RollingOut", "nodes get the policy, `rollout.maxUnavailable` at a time", "wait", Ends.Event)
    );

    public static readonly Reason Incomplete = Policies.Add(
        new(
            "Incomplete",
            "nodes lack virtual functions that pools name, and nothing else is left; the rollout goes on",
            "make them on those nodes, or lower the pools' ranges",
            Ends.Event
        )
    );

    public static readonly Reason WaitsForUsers = Policies.Add(
        new("WaitsForUsers", "all that is left waits for VMs that have the devices", "stop or migrate them, or wait", Ends.Look)
    );

    public static readonly Reason Halted = Policies.Add(
        new(
            "Halted",
            "a node where the policy was ready is Degraded with the present generation, so no further node gets it. A node where it "
                + "never was ready keeps nothing from the others",
            "mend that node, change the policy, or set `rollout.maxUnavailable: 100%`",
            Ends.Admin
        )
    );

    public static readonly Reason AgentNotReady = Policies.Add(
        new("AgentNotReady", "the agent's Pod on some node is not Ready: what is there is not known", "look at that Pod's log", Ends.Event)
    );

    public static readonly Reason GiveBack = Policies.Add(
        new("GiveBack", "all nodes that it chooses are to give everything back", "`hostdev-operator give-back --undo`", Ends.Admin)
    );

    public static readonly Reason Settled = Policies.Add(
        new("Settled", "of `Progressing`: nothing is under way", "none needed", Ends.Nothing)
    );

    public static readonly Reason AsDesired = Policies.Add(
        new("AsDesired", "nothing is wrong; of a node's `Ready`: every policy is fulfilled", "none needed", Ends.Nothing)
    );
}
