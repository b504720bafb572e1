using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Who may call the sockets of our resources: the process that listens on kubelet.sock, as each registration finds it. Anybody else could
/// have devices handed out, or take the list from the kubelet. Thread-safe.
/// </summary>
/// <param name="mayCall">Whether a peer may call while that kubelet is registered with.</param>
public sealed partial class SocketCallers(Func<SocketPeer, SocketPeer, bool> mayCall, ILogger logger)
{
    private const int MostSaid = 32;

    private readonly Lock _gate = new();
    private readonly HashSet<SocketPeer> _said = [];
    private SocketPeer? _kubelet;

    /// <summary>The rule on a node.</summary>
    public static bool IsKubelet(SocketPeer kubelet, SocketPeer peer) => kubelet.Pid != 0 && kubelet == peer;

    /// <summary>
    /// The rule where the kubelet is in a PID namespace that this process does not see: nobody who is in such a one can be told from it,
    /// and everybody else can.
    /// </summary>
    public static bool MayBeKubelet(SocketPeer kubelet, SocketPeer peer) => kubelet == peer;

    /// <summary>This kubelet is about to be registered with: it may call from now on, and the one before it no more.</summary>
    /// <exception cref="IOException">It could not be told from others.</exception>
    public void Expect(SocketPeer kubelet)
    {
        if (!mayCall(kubelet, kubelet))
            throw new IOException(
                $"{KubeletApi.KubeletSocketName} is served from a PID namespace that this process does not see, so that nobody who calls "
                    + "can be told from the kubelet: run the agent with the host's PIDs (hostPID: true in its Pod), or give "
                    + "--hidden-kubelet where the kubelet is meant to be in another"
            );
        lock (_gate)
        {
            if (_kubelet == kubelet)
                return;
            _kubelet = kubelet;
            _said.Clear();
        }
    }

    /// <summary>Whether a peer may call. Each that may not is said once: a flood of calls is no flood of lines.</summary>
    public bool Admits(SocketPeer peer)
    {
        SocketPeer? kubelet;
        lock (_gate)
        {
            kubelet = _kubelet;
            if (kubelet is not null && mayCall(kubelet, peer))
                return true;
            if (_said.Count >= MostSaid || !_said.Add(peer))
                return false;
        }

        LogRefused(logger, peer.ToString(), kubelet?.ToString() ?? "not known yet");
        return false;
    }

    [LoggerMessage(
        EventId = 3013,
        Level = LogLevel.Warning,
        Message = "{Peer} calls a socket of ours in the kubelet's directory and is refused: devices are handed out to the kubelet alone, "
            + "which is {Kubelet}. Find out what calls; it is not said again"
    )]
    private static partial void LogRefused(ILogger logger, string peer, string kubelet);
}
