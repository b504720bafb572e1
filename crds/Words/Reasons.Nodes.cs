namespace Hostdev.Crds.Words;

public static partial class Reasons
{
    /// <summary>How a node as a whole stands: of its conditions and of what stops all writes to it.</summary>
    public static readonly ReasonTable Nodes = new();

    public static readonly Reason Disabled = Nodes.Add(
        new("Disabled", "the break-glass file is there; its first line is shown", "remove it", Ends.Admin) { StopsWrites = true }
    );

    public static readonly Reason JournalDamaged = Nodes.Add(
        new(
            "JournalDamaged",
            "`journal.jsonl` cannot be read; the message names the line. Without it giving back would be a guess",
            "restore the file, or move it away to adopt the host as it is; restart the agent. Until then nothing is written and nothing"
                + " new offered",
            Ends.Admin
        )
        {
            StopsWrites = true,
        }
    );

    public static readonly Reason BootLoop = Nodes.Add(
        new(
            "BootLoop",
            "two boots of the machine ended while this desired state was being applied",
            "change the desired state, or remove the file that the message names",
            Ends.Admin
        )
        {
            StopsWrites = true,
        }
    );

    public static readonly Reason StatusRefused = Nodes.Add(
        new(
            "StatusRefused",
            "the API server refuses the node's status, and only facts of the host are reported; the message has its words. Devices are "
                + "served as before",
            "apply the CRDs of the agent's version; if they are, report it as a bug. It is tried again with every new status, and after"
                + " 5 min",
            Ends.Retry
        )
    );

    public static readonly Reason HostUnreadable = Nodes.Add(
        new(
            "HostUnreadable",
            "`/sys` cannot be listed; the message says where. An unreadable machine is not an empty one: everything stays as it is",
            "as the message says; it is looked at every 2 s",
            Ends.Look
        )
    );

    public static readonly Reason DesiredStateUnreadable = Nodes.Add(
        new(
            "DesiredStateUnreadable",
            "the desired file, or what was kept of the last desired state, cannot be read; the message says why. What is in force stays",
            "mend the file as the message says",
            Ends.Admin
        )
    );

    public static readonly Reason NoDesiredState = Nodes.Add(
        new(
            "NoDesiredState",
            "no desired state was read yet: nothing is touched",
            "none needed where the agent has just started; else look at its connection to the API server, or write the file",
            Ends.Event
        )
    );

    public static readonly Reason NothingCordoned = Nodes.Add(
        new(
            "NothingCordoned",
            "a cordon names a device that is not on the node, or of which nothing is offered; it holds as soon as something is",
            "none where the device is to come back; else `kubectl hostdev uncordon NODE DEVICE`, and name the right one",
            Ends.Event
        )
    );

    public static readonly Reason InvalidCordon = Nodes.Add(
        new(
            "InvalidCordon",
            "an entry of `spec.cordons` cannot be understood; the message names the field. The others hold, and policies are followed",
            "mend the entry as the message says; `kubectl hostdev cordon` writes good ones",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason Followed = Nodes.Add(new("Followed", "the desired state is followed", "none needed", Ends.Nothing));

    public static readonly Reason Waiting = Nodes.Add(
        new("Waiting", "of `Progressing`: a policy waits; the message says for what", "as the message says, or wait", Ends.Look)
    );

    public static readonly Reason Applying = Nodes.Add(
        new("Applying", "of `Progressing`: the host is being changed; the message says where", "none needed", Ends.Event)
    );

    public static readonly Reason Releasing = Nodes.Add(
        new(
            "Releasing",
            "of `Progressing`: something that no policy wants any more is not given back yet; the message says what it waits for",
            "stop the VM that has it, or wait",
            Ends.Look
        )
    );

    public static readonly Reason NotAsDesired = Nodes.Add(
        new(
            "NotAsDesired",
            "of `Ready`: something is not as desired, or not yet; the message says what",
            "that of the reason that `Degraded` or `Progressing` has, or wait",
            Ends.Event
        )
    );
}
