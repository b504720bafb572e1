using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>
/// A gRPC server on one unix socket: Kestrel with HTTP/2 by prior knowledge and nothing else of ASP.NET Core. Used once: started, then stopped.
/// </summary>
/// <remarks>
/// The runtime deletes the socket's file when the listener closes, whoever has made a new one at that path meanwhile: stop the old server before another is bound to the same path.
/// </remarks>
public sealed class GrpcServer : IAsyncDisposable
{
    /// <summary>The longest path <c>sockaddr_un</c> holds beside its final zero byte (Linux <c>unix(7)</c>).</summary>
    public const int MaxSocketPathBytes = 107;

    private readonly CancellationTokenSource _stopping = new();
    private readonly KestrelServer _kestrel;
    private int _stopped;

    private GrpcServer(string socketPath, KestrelServer kestrel)
    {
        SocketPath = socketPath;
        _kestrel = kestrel;
    }

    public string SocketPath { get; }

    /// <summary>Binds <paramref name="socketPath"/>, replacing a file that a dead process left there, and serves when the task is done. Throws <see cref="IOException"/> when it cannot be bound.</summary>
    public static async Task<GrpcServer> StartAsync(string socketPath, GrpcServices services, GrpcServerLimits? limits, TimeProvider time, ILogger? logger, CancellationToken cancellationToken)
    {
        if (Encoding.UTF8.GetByteCount(socketPath) > MaxSocketPathBytes) throw new IOException($"the socket path {socketPath} is longer than {MaxSocketPathBytes} bytes");
        File.Delete(socketPath);
        var kestrel = new KestrelServer(Options.Create(KestrelOptions(socketPath)), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance), NullLoggerFactory.Instance);
        var server = new GrpcServer(socketPath, kestrel);
        try
        {
            await kestrel.StartAsync(new GrpcDispatcher(services, limits ?? new GrpcServerLimits(), time, logger ?? NullLogger.Instance, server._stopping.Token), cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends streams by <see cref="GrpcCall.Stopping"/>, lets running calls finish for <paramref name="grace"/>, then breaks what is left. The socket's file is gone afterwards. Idempotent.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0) return;
        await _stopping.CancelAsync();
        using var patience = new CancellationTokenSource(grace);
        await _kestrel.StopAsync(patience.Token);
        _kestrel.Dispose();
        _stopping.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    private static KestrelServerOptions KestrelOptions(string socketPath)
    {
        var options = new KestrelServerOptions { AddServerHeader = false, ApplicationServices = NoServices.Instance };
        options.Limits.MaxRequestBodySize = null; // the frame's own limit answers with a gRPC status
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.KeepAliveTimeout = Timeout.InfiniteTimeSpan; // the kubelet keeps its connection for days
        options.Limits.Http2.InitialStreamWindowSize = 1 << 20;
        options.Limits.Http2.InitialConnectionWindowSize = 4 << 20;
        options.ListenUnixSocket(socketPath, listen => listen.Protocols = HttpProtocols.Http2);
        return options;
    }

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
