namespace Hostdev.Crds.Kinds;

/// <summary>What <see cref="PolicyResult.Reason"/> says: the agent writes it, the operator counts it.</summary>
public static class ResultReasons
{
    /// <summary>Everything that matches is offered.</summary>
    public const string Ready = "Ready";

    /// <summary>Something is under way, or waits for its users.</summary>
    public const string Progressing = "Progressing";

    /// <summary>Something that matches cannot be offered. Remedy: as the message says.</summary>
    public const string Blocked = "Blocked";

    /// <summary>This agent does not understand the policy: what is in force stays, nothing new starts.</summary>
    public const string Frozen = "Frozen";

    /// <summary>Nothing on the node matches.</summary>
    public const string NoMatch = "NoMatch";
}
