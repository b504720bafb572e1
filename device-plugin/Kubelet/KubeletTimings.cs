using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>Every limit and interval of the kubelet's side. The defaults are for production; tests shorten them.</summary>
public sealed record KubeletTimings
{
    /// <summary>
    /// The shortest time between two lists on a stream: the kubelet writes its checkpoint at each. The first change goes out at once.
    /// </summary>
    public TimeSpan Coalesce { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long the allocator may take: the whole Allocate ends within 10 s (contracts/kubelet.md).</summary>
    public TimeSpan Allocate { get; init; } = TimeSpan.FromSeconds(9);

    /// <summary>How long a refusal waits for the Unhealthy list to be written.</summary>
    public TimeSpan ShowUnhealthy { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long the check before a container starts may take; the kubelet gives up after 30 s.</summary>
    public TimeSpan PreStart { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long Register may take; the kubelet's own dial back inside it has 10 s.</summary>
    public TimeSpan Register { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>How often our socket is looked at while Register is under way, in case the watch of the directory is late.</summary>
    public TimeSpan LookWhilePending { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// How long after Register the kubelet may take to open its stream before we register again; doubles up to <see cref="LongestRetry"/>
    /// while it never does. It takes milliseconds, unless the kubelet that accepted us is gone, or disconnected us by the race of
    /// kubernetes #121994 before it watched.
    /// </summary>
    public TimeSpan StreamGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The first wait after a failed Register; doubles up to <see cref="LongestRetry"/>. Short, since a new kubelet.sock exists a moment
    /// before anybody listens on it.
    /// </summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the directory is looked at when no change was reported, in case one was missed.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How many streams one kubelet may end within <see cref="TakeoverWindow"/> before the resource counts as another plugin's.
    /// </summary>
    public int Takeovers { get; init; } = 5;

    public TimeSpan TakeoverWindow { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the kubelet must have gone by another plugin's list before we register again.</summary>
    public TimeSpan DisplacedAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long a name that another plugin takes again and again is left alone; doubles up to <see cref="LongestContestedRetry"/>.
    /// </summary>
    public TimeSpan ContestedRetry { get; init; } = TimeSpan.FromMinutes(10);

    public TimeSpan LongestContestedRetry { get; init; } = TimeSpan.FromHours(2);

    /// <summary>
    /// How long a plugin that had a name may be silent, or missing after a kubelet's start, before its name counts as nobody's: it may be
    /// about to be restarted.
    /// </summary>
    public TimeSpan OthersReturn { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long running calls may take to end when a server stops; streams end at once.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromMilliseconds(300);

    public AdvertisedListPolicy ListPolicy { get; init; } = AdvertisedListPolicy.Default;
}
