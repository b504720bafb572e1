using System.Net.Sockets;
using Grpc.Net.Client;
using Hostdev.DevicePlugin.Kubelet.Protos;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// One connection to one kubelet, made before anything is looked at or bound: a kubelet deletes every socket in the directory before it
/// listens, so that
/// what is there once it can be connected to is not deleted by its start any more (kubelet
/// pkg/kubelet/cm/devicemanager/plugin/v1beta1/server.go, Start).
/// </summary>
internal sealed class KubeletConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly GrpcChannel _channel;

    private KubeletConnection(Socket socket, SocketFile kubelet)
    {
        (_socket, Kubelet, Peer) = (socket, kubelet, SocketPeer.Of(socket));
        _channel = SocketChannel.Over(socket);
    }

    /// <summary>The making of <c>kubelet.sock</c> that is at the other end.</summary>
    public SocketFile Kubelet { get; }

    /// <summary>The process that listens on it.</summary>
    public SocketPeer Peer { get; }

    /// <exception cref="IOException">There is no kubelet.sock.</exception>
    /// <exception cref="SocketException">Nobody listens on it.</exception>
    public static async Task<KubeletConnection> OpenAsync(KubeletDirectory directory, CancellationToken cancellationToken)
    {
        while (true)
        {
            var kubelet = directory.Kubelet ?? throw new IOException($"{directory.KubeletSocketPath} does not exist");
            var socket = await SocketChannel.ConnectAsync(directory.KubeletSocketPath, cancellationToken);
            if (directory.Kubelet == kubelet)
                return new KubeletConnection(socket, kubelet);
            socket.Dispose(); // replaced meanwhile: which of the two it leads to cannot be known
        }
    }

    /// <summary>Calls this kubelet and no other: when the connection breaks, the call fails.</summary>
    public Task RegisterAsync(RegisterRequest request, TimeSpan limit, CancellationToken cancellationToken) =>
        new Registration.RegistrationClient(_channel).RegisterAsync(request, SocketChannel.Within(limit, cancellationToken)).ResponseAsync;

    public void Dispose()
    {
        _channel.Dispose();
        _socket.Dispose();
    }
}

/// <summary>Where a registration is, for a test that does something to the directory there.</summary>
internal enum RegistrationMoment
{
    Connecting,
    Connected,
    Served,
    Registered,
}
