namespace Hostdev.Sandbox.ApiServer.Faults;

/// <summary>Which requests a fault meets. What is null matches everything.</summary>
public sealed record FaultRule(ApiFault Fault)
{
    /// <summary>RBAC's word: get, list, watch, create, update, patch, delete.</summary>
    public string? Verb { get; init; }

    /// <summary>The plural.</summary>
    public string? Resource { get; init; }

    public string? Subresource { get; init; }

    public string? User { get; init; }

    /// <summary>How many matching requests pass before the first that it may meet.</summary>
    public int Skip { get; init; }

    /// <summary>How many it meets at most.</summary>
    public int Times { get; init; } = int.MaxValue;

    /// <summary>Of those that it may meet, the share that it does.</summary>
    public double Probability { get; init; } = 1;

    internal bool Matches(string user, string verb, string resource, string subresource) =>
        (Verb ?? verb) == verb
        && (Resource ?? resource) == resource
        && (Subresource ?? subresource) == subresource
        && (User ?? user) == user
        && Fault switch
        {
            ApiFault.CutWatch => verb == "watch",
            ApiFault.CutAnswer => verb != "watch", // its answer has no end of which a share could be taken
            _ => true,
        };
}
