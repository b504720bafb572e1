using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Grpc.Net.Client on a unix socket, and what our callers want of it: deadlines from a time span, and words for a failure.
/// </summary>
public static class SocketChannel
{
    /// <summary>
    /// A channel with one HTTP/2 connection (prior knowledge), which is made on the first call and made again after it broke. Disposing it
    /// ends its calls.
    /// </summary>
    /// <param name="receiveBytes">The largest answer; a larger one ends the call with RESOURCE_EXHAUSTED.</param>
    public static GrpcChannel To(string socketPath, int receiveBytes = GrpcSocketServer.UsualMessageBytes) =>
        Channel(async (_, token) => new NetworkStream(await ConnectAsync(socketPath, token), ownsSocket: true), receiveBytes);

    /// <summary>A channel on a connection that is made already, and on no other: when that one breaks, every call fails.</summary>
    public static GrpcChannel Over(Socket connected, int receiveBytes = GrpcSocketServer.UsualMessageBytes)
    {
        var taken = 0;
        return Channel(
            (_, _) =>
                Interlocked.Exchange(ref taken, 1) == 0
                    ? ValueTask.FromResult<Stream>(new NetworkStream(connected, ownsSocket: true))
                    : ValueTask.FromException<Stream>(new IOException("the connection was closed")),
            receiveBytes
        );
    }

    /// <summary>Connects to a unix socket. The caller owns the result.</summary>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static async Task<Socket> ConnectAsync(string socketPath, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The limit is sent as grpc-timeout and kept here as well. It is the machine's time, whatever clock the caller has: Grpc.Net.Client
    /// measures by that alone.
    /// </summary>
    /// <param name="limit">Null for none.</param>
    public static CallOptions Within(TimeSpan? limit, CancellationToken cancellationToken) =>
        new(deadline: limit is { } span ? TimeProvider.System.GetUtcNow().UtcDateTime + span : null, cancellationToken: cancellationToken);

    /// <summary>
    /// The status and what the peer said, or what broke the connection: <c>Unavailable: Connection refused</c>. The package's own sentence
    /// names a localhost that is not there.
    /// </summary>
    public static string Words(RpcException e)
    {
        var said = e.Status.DebugException is { } cause ? Innermost(cause).Message : e.Status.Detail;
        return $"{e.StatusCode}: "
            + $"{(said.Length == 0 && e.StatusCode == StatusCode.DeadlineExceeded ? "the deadline of the call has passed" : said)}";
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    private static GrpcChannel Channel(
        Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect,
        int receiveBytes
    ) =>
        GrpcChannel.ForAddress(
            "http://localhost",
            new GrpcChannelOptions
            {
                Credentials = ChannelCredentials.Insecure,
                MaxReceiveMessageSize = receiveBytes,
                DisposeHttpClient = true,
                HttpHandler = new SocketsHttpHandler
                {
                    ActivityHeadersPropagator = null,
                    AllowAutoRedirect = false,
                    AutomaticDecompression = DecompressionMethods.None,
                    UseCookies = false,
                    UseProxy = false,
                    InitialHttp2StreamWindowSize = 1 << 20,
                    PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
                    ConnectCallback = connect,
                },
            }
        );
}
