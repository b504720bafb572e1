namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>What is known about the registration of one resource when its next step is decided.</summary>
internal sealed record RegistrationFacts
{
    /// <summary>The kubelet's socket; null while there is none.</summary>
    public SocketFile? Kubelet { get; init; }

    /// <summary>The kubelet's socket that the resource was last registered with; null when it never was.</summary>
    public SocketFile? RegisteredWith { get; init; }

    /// <summary>By when the kubelet should have opened its stream after the last registration.</summary>
    public DateTimeOffset StreamDue { get; init; }

    /// <summary>True while our own socket's file is the one that we made.</summary>
    public bool SocketPresent { get; init; }

    public bool StreamLive { get; init; }

    /// <summary>True when the kubelet opened a stream after the last registration.</summary>
    public bool StreamSeen { get; init; }

    /// <summary>No attempt before this time, after failures; the past when there were none.</summary>
    public DateTimeOffset NotBefore { get; init; }

    /// <summary>True when the kubelet goes by another plugin's list though our stream lives.</summary>
    public bool Displaced { get; init; }

    /// <summary>Why the name is another plugin's, as a sentence; null when it is not, as far as is known.</summary>
    public string? Anothers { get; init; }

    /// <summary>True while it cannot be said whether the name is another plugin's.</summary>
    public bool IsOwnerOpen { get; init; }

    /// <summary>When to look again whose the name is; null for when something changes.</summary>
    public DateTimeOffset? FreeAt { get; init; }

    /// <summary>
    /// Until when this kubelet is not registered with, because it gave our name to somebody so often that another plugin must own it; null
    /// when it is ours.
    /// </summary>
    public DateTimeOffset? ContestedUntil { get; init; }
}

/// <summary>The next step of a registration.</summary>
internal abstract record RegistrationStep
{
    private RegistrationStep() { }

    /// <summary>Nothing to do until something changes, or until the time given.</summary>
    public sealed record Wait(DateTimeOffset? Until) : RegistrationStep;

    /// <summary>End the old stream, serve afresh, register.</summary>
    public sealed record Register : RegistrationStep;
}

/// <summary>
/// Registers whenever there is a kubelet and no live stream to it, a name that is nobody else's, and not faster than failures allow. Pure:
/// time is a parameter.
/// </summary>
internal static class RegistrationPolicy
{
    public static RegistrationStep Decide(RegistrationFacts facts, DateTimeOffset now)
    {
        if (facts.Kubelet is null)
            return new RegistrationStep.Wait(null);
        if (facts.Anothers is not null || facts.IsOwnerOpen)
            return new RegistrationStep.Wait(facts.FreeAt);
        var sameKubelet = facts.Kubelet == facts.RegisteredWith;
        if (sameKubelet && facts.ContestedUntil is { } until)
            return new RegistrationStep.Wait(until);
        if (sameKubelet && facts.SocketPresent && facts is { StreamLive: true, Displaced: false })
            return new RegistrationStep.Wait(null);
        if (sameKubelet && facts.SocketPresent && !facts.StreamSeen && now < facts.StreamDue)
            return new RegistrationStep.Wait(facts.StreamDue);
        return now < facts.NotBefore ? new RegistrationStep.Wait(facts.NotBefore) : new RegistrationStep.Register();
    }
}
