using System.Diagnostics;
using System.Net.Sockets;

namespace Hostdev.Benchmarks;

/// <summary>The reference of whatever speaks on unix sockets.</summary>
internal static class UnixConnection
{
    /// <summary>A server that binds, a client that connects and sends a byte, and the byte that comes back.</summary>
    /// <returns>Milliseconds.</returns>
    public static async Task<double> RoundTripAsync(CancellationToken cancellationToken)
    {
        var path = Path.Combine(Path.GetTempPath(), $"hd-{Guid.NewGuid():N}");
        var began = Stopwatch.GetTimestamp();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        using var server = await listener.AcceptAsync(cancellationToken);
        var one = new byte[1];
        await client.SendAsync(one, cancellationToken);
        await server.ReceiveAsync(one, cancellationToken);
        await server.SendAsync(one, cancellationToken);
        await client.ReceiveAsync(one, cancellationToken);
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        File.Delete(path);
        return took;
    }
}
