namespace Hostdev.Crds.Words;

public static partial class Reasons
{
    /// <summary>Why a device is not given to a pod now: of refusals, and of what is not offered.</summary>
    public static readonly ReasonTable Pods = new();

    public static readonly Reason NotOffered = Pods.Add(
        new("NotOffered", "a pod was given a device that is not offered any more", "none: the pod is made anew", Ends.Retry)
    );

    public static readonly Reason DeviceNotListed = Pods.Add(
        new(
            "DeviceNotListed",
            "a pod was given a device that is not in the last list that the kubelet was sent",
            "none: the pod is made anew",
            Ends.Event
        )
    );

    public static readonly Reason DeviceUnhealthy = Pods.Add(
        new(
            "DeviceUnhealthy",
            "a pod was given a device that is being withdrawn, or has a problem, which the node's status names",
            "that of the reason in the status; the pod is made anew",
            Ends.Event
        )
    );

    public static readonly Reason Cordoned = Pods.Add(
        new(
            "Cordoned",
            "its policy is about to change it (`disruption: Cordon`), and somebody has it or a neighbour",
            "none: it is offered again after the change",
            Ends.Event
        )
    );

    public static readonly Reason CordonedByAdmin = Pods.Add(
        new(
            "CordonedByAdmin",
            "an admin keeps the device from being given out (`kubectl hostdev cordon`); the message has who, since when and why. A pod that"
                + " has it keeps it",
            "none: it is meant so. `kubectl hostdev uncordon NODE DEVICE` ends it",
            Ends.Admin
        )
    );

    public static readonly Reason Changing = Pods.Add(
        new("Changing", "a pod was given a device that is being reconfigured", "none: the pod is made anew", Ends.Event)
    );

    public static readonly Reason InFlight = Pods.Add(
        new("InFlight", "two containers are given one device at once", "none: the pod is made anew", Ends.Event)
    );

    public static readonly Reason NotReady = Pods.Add(
        new("NotReady", "the device's real state is not what a VM needs", "as the message says", Ends.Event)
    );

    public static readonly Reason CompanionsDiffer = Pods.Add(
        new(
            "CompanionsDiffer",
            "the device, or its policy, has other companions than what was there before under its resource name, and a VM that asks for"
                + " companions is given any of them: it is given to nobody. A pod that has it keeps it",
            "declare the same companions for all devices of one resourceName",
            Ends.Admin
        )
    );

    public static readonly Reason CompanionsUnpaired = Pods.Add(
        new(
            "CompanionsUnpaired",
            "a container has companions and the resource that they go with in unequal number, or not both: a VM with too many does not "
                + "start, and one with too few gets those of the lowest addresses",
            "ask for as many of both in one container, as the message says",
            Ends.Event
        )
        {
            AsksToAct = true,
            IsNews = true,
        }
    );

    public static readonly Reason StillHeld = Pods.Add(
        new("StillHeld", "a process holds the device, though its pod is gone", "end the process that the message names", Ends.Look)
        {
            IsUse = true,
        }
    );

    public static readonly Reason NodeAnswered = Pods.Add(
        new(
            "NodeAnswered",
            "the kernel gave the device a node, or a device number, that stands in the answer of another pod, whose container may still"
                + " open it",
            "delete the pod that the message names; otherwise it is offered when that pod is proven gone",
            Ends.Look
        )
        {
            IsUse = true,
        }
    );

    public static readonly Reason AllocateTimedOut = Pods.Add(
        new(
            "AllocateTimedOut",
            "the kernel did not answer in time when a device was to be given to a pod, which failed",
            "look at dmesg, and for a process that holds the device; it is looked at again after 1 s, then twice as long each time, 60 "
                + "s at most",
            Ends.Retry
        )
    );

    public static readonly Reason AllocateFailed = Pods.Add(
        new(
            "AllocateFailed",
            "a device could not be checked when it was to be given to a pod, which failed; the message has the cause",
            "as the message says",
            Ends.Retry
        )
    );

    public static readonly Reason NodeOwner = Pods.Add(
        new("NodeOwner", "the device node is missing, or its owner cannot be set", "as the message says", Ends.Retry)
    );

    public static readonly Reason NotAllocated = Pods.Add(
        new("NotAllocated", "a container starts with a device that the agent did not give it", "delete the pod", Ends.Admin)
    );

    public static readonly Reason AnswerOutdated = Pods.Add(
        new("AnswerOutdated", "a container restarts, and its node is another device now", "delete the pod", Ends.Admin)
    );
}
