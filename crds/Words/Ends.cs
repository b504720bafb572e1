namespace Hostdev.Crds.Words;

/// <summary>
/// How what a <see cref="Reason"/> tells comes to an end, and so when the agent looks at the machine again for it. Where more than one of
/// these may end it, the one that may be relied on stands here.
/// </summary>
public enum Ends
{
    /// <summary>A word of another version, of which nobody here knows.</summary>
    Unknown,

    /// <summary>There is nothing to end: it says how things stand.</summary>
    Nothing,

    /// <summary>
    /// It goes on by itself, and an event tells of it: of the kernel, the kubelet, the API server, or of the agent's own work.
    /// </summary>
    Event,

    /// <summary>It goes on by itself, and nobody tells of it (a process closes a file): it is looked at every few seconds.</summary>
    Look,

    /// <summary>
    /// Somebody mends or frees what the host has, and nobody tells of it (an unmount, a removed address, a mended file): it is looked at
    /// every minute.
    /// </summary>
    SlowLook,

    /// <summary>It is tried again at a time of its own, which whoever tries it keeps.</summary>
    Retry,

    /// <summary>Somebody has to change the policy, the cluster, the host or its firmware; an event tells of it, or a boot.</summary>
    Admin,
}
