using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>What shows at one moment that a resource name is another plugin's.</summary>
internal sealed record NameSigns
{
    public static NameSigns None { get; } = new();

    /// <summary>IDs that the kubelet's checkpoint has as healthy under the name and we never listed, ordered.</summary>
    public ImmutableArray<string> Listed { get; init; } = [];

    /// <summary>What a pod has under the name and we never listed: the ID, and the pod in words.</summary>
    public ImmutableArray<(string Id, string Pod)> Held { get; init; } = [];

    /// <summary>Sockets on which somebody listens and whose file names say this name.</summary>
    public ImmutableArray<string> Named { get; init; } = [];

    /// <summary>Sockets on which somebody listens and that may be the name's.</summary>
    public ImmutableArray<string> Others { get; init; } = [];

    /// <summary>True while they cannot be read: nobody has looked yet at what is wanted, or at who has what.</summary>
    public bool IsEarly { get; init; }

    /// <summary>Whether a plugin lives that has the name.</summary>
    public bool Answers => !Named.IsEmpty || (!Listed.IsEmpty && !Others.IsEmpty);
}

/// <summary>
/// Whether a resource name is another plugin's, before we register it. It is while a plugin answers that has it, or a pod has something of
/// that plugin's; and for a while after the last answer, since a plugin is restarted now and then, and a kubelet's start deletes every
/// socket. Immutable; time is a parameter.
/// </summary>
internal sealed record NameOwner
{
    public static NameOwner Nobody { get; } = new();

    public bool IsAnothers { get; private init; }

    /// <summary>True while it cannot be said: then the name is not registered, and nothing is said of it.</summary>
    public bool IsOpen { get; private init; }

    /// <summary>Whether somebody must look who has what before it can end.</summary>
    public bool WaitsForLook { get; private init; }

    /// <summary>When it counts as nobody's if nothing shows any more; null while something shows.</summary>
    public DateTimeOffset? FreeAt { get; private init; }

    /// <summary>What shows it, or showed it last.</summary>
    private NameSigns Signs { get; init; } = NameSigns.None;

    private (DateTimeOffset At, NameSigns Signs)? LastAnswer { get; init; }

    /// <param name="kubeletSince">Since when this kubelet's socket is there.</param>
    /// <param name="isOurs">Whether we listed an ID, as far as is known by now.</param>
    public NameOwner Look(
        NameSigns signs,
        DateTimeOffset kubeletSince,
        Func<string, bool> isOurs,
        DateTimeOffset now,
        KubeletTimings timings
    )
    {
        if (signs.IsEarly)
            return this with { IsOpen = true, WaitsForLook = true };
        if (signs.Answers)
            return Anothers(signs) with { LastAnswer = (now, signs) };
        // What answered beside our own devices, before it was known that they are ours, answered for another name.
        var last = LastAnswer is { } l && l.Signs.Named.IsEmpty && l.Signs.Listed.All(isOurs) ? null : LastAnswer;
        if (!signs.Held.IsEmpty)
            return Anothers(signs) with { LastAnswer = last, WaitsForLook = true };
        if (last is { } answer && answer.At + timings.OthersReturn > now)
            return Anothers(answer.Signs) with { LastAnswer = last, FreeAt = answer.At + timings.OthersReturn };
        return last is null && !signs.Listed.IsEmpty && kubeletSince + timings.OthersReturn > now
            ? Anothers(signs) with
            {
                FreeAt = kubeletSince + timings.OthersReturn,
            }
            : Nobody;
    }

    /// <summary>Why the name is not registered, what to do, and what ends it.</summary>
    public string Words(ResourceName resource, string directory, KubeletTimings timings)
    {
        var wait = string.Create(CultureInfo.InvariantCulture, $"{timings.OthersReturn.TotalSeconds:0.#} s");
        var socket = Signs.Named.IsEmpty
            ? $"a socket of another plugin in {directory} ({Some(Signs.Others)})"
            : $"a socket in {directory} whose name says this resource ({Some(Signs.Named)})";
        var (shown, end) =
            FreeAt is not null && Signs.Answers ? ($"{socket} answered less than {wait} ago", $"nobody has answered there for {wait}")
            : Signs.Answers ? ($"{socket} answers", $"nobody has answered there for {wait}")
            : !Signs.Held.IsEmpty
                ? ($"{Signs.Held[0].Pod} has {Signs.Held[0].Id} of it, which this agent never listed", "no pod has such a device any more")
            : (
                $"this kubelet, which deletes all sockets when it starts, was started less than {wait} ago",
                $"no other plugin answers {wait} after that"
            );
        var listed = Signs.Listed.IsEmpty ? "" : $"the kubelet has {Some(Signs.Listed)} under it, which this agent never listed, and ";
        var kubeVirt = Signs.Named.Any(SocketNames.IsAsOfKubeVirt)
            ? " (KubeVirt's own goes with externalResourceProvider: true on that entry of permittedHostDevices, Harvester's with its "
                + "PCIDeviceClaim)"
            : "";
        return $"{resource} is another device plugin's on this node: {listed}{shown}. So it is not registered: remove that "
            + $"plugin{kubeVirt}, or use another resourceName. It is registered when {end}";
    }

    private static NameOwner Anothers(NameSigns signs) => new() { IsAnothers = true, Signs = signs };

    private static string Some(ImmutableArray<string> all) => $"{string.Join(", ", all.Take(3))}{(all.Length > 3 ? " and others" : "")}";
}
