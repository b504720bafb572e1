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
        GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
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
                ConnectCallback = async (_, token) => await ConnectAsync(socketPath, token),
            },
        });

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
        return $"{e.StatusCode}: {(said.Length == 0 && e.StatusCode == StatusCode.DeadlineExceeded ? "the deadline of the call has passed" : said)}";
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    private static async ValueTask<Stream> ConnectAsync(string socketPath, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
