using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// What a <see cref="GrpcSocketServer"/> takes from its peers. The defaults are for a plugin's socket, which one kubelet calls: all that
/// its peers can make it hold at once is a few megabytes.
/// </summary>
public sealed record GrpcSocketOptions
{
    /// <summary>The largest request: more is RESOURCE_EXHAUSTED.</summary>
    public const int RequestBytes = AdvertisedListPolicy.RequestBytes;

    /// <summary>The largest answer; more is RESOURCE_EXHAUSTED.</summary>
    public int AnswerBytes { get; init; } = GrpcSocketServer.UsualMessageBytes;

    /// <summary>Connections at a time; further ones are closed. A kubelet has one for each registration.</summary>
    public int Connections { get; init; } = 5;

    /// <summary>Calls at a time on one connection: checks before containers start may take long, an Allocate beside them not.</summary>
    public int Calls { get; init; } = 12;

    /// <summary>From a call's headers to the last byte of its request.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Who may call, asked of each connection and of each call. Called from any thread.</summary>
    public Func<SocketPeer, bool> Admits { get; init; } = _ => true;
}
