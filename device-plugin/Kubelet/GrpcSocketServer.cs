using System.Diagnostics;
using System.Text;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// A gRPC service on one unix socket: Grpc.AspNetCore on Kestrel, HTTP/2 by prior knowledge. Used once: started, then stopped.
/// </summary>
/// <remarks>
/// The runtime deletes the socket's file when the listener closes, whoever has made a new one at that path meanwhile: stop the old server
/// before another is bound to the same path.
/// </remarks>
public sealed class GrpcSocketServer : IAsyncDisposable
{
    /// <summary>The longest path <c>sockaddr_un</c> holds beside its final zero byte (Linux <c>unix(7)</c>).</summary>
    public const int MaxSocketPathBytes = 107;

    /// <summary>The largest message of most peers: grpc-go refuses more unless it is told otherwise.</summary>
    public const int UsualMessageBytes = 4 << 20;

    private readonly CancellationTokenSource _stopping = new();
    private readonly ServiceProvider _services;
    private readonly KestrelServer _kestrel;
    private readonly GrpcSocketOptions _options;
    private int _connections;
    private int _stopped;

    private GrpcSocketServer(string socketPath, ILogger logger, GrpcSocketOptions options)
    {
        (SocketPath, _options) = (socketPath, options);
        _services = Services(new StatusInterceptor(logger, options.Admits, _stopping.Token), options);
        var sockets = Options.Create(
            new SocketTransportOptions
            {
                UnsafePreferInlineScheduling = true,
                MaxReadBufferSize = 64 << 10,
                MaxWriteBufferSize = 64 << 10,
            }
        );
        var transport = new GatedListenerFactory(new SocketTransportFactory(sockets, NullLoggerFactory.Instance), Admit);
        _kestrel = new KestrelServer(Options.Create(KestrelOptions()), transport, NullLoggerFactory.Instance);
    }

    public string SocketPath { get; }

    /// <summary>
    /// Binds <paramref name="socketPath"/>, replacing a file that a dead process left there, and serves when the task is done.
    /// </summary>
    /// <param name="service">Makes the service, with the token that fires when the server is about to stop: a stream that does not end then
    /// holds up the stop (Kestrel waits 30 s for it).</param>
    /// <param name="logger">Hears of handlers that fail by surprise; null for nobody.</param>
    /// <param name="options">What is taken from peers; null for a plugin's socket without a rule of who may call.</param>
    /// <exception cref="IOException">The path cannot be bound.</exception>
    public static async Task<GrpcSocketServer> StartAsync(
        string socketPath,
        Func<CancellationToken, ServerServiceDefinition> service,
        ILogger? logger,
        CancellationToken cancellationToken,
        GrpcSocketOptions? options = null
    )
    {
        if (Encoding.UTF8.GetByteCount(socketPath) > MaxSocketPathBytes)
            throw new IOException($"the socket path {socketPath} is longer than {MaxSocketPathBytes} bytes");
        File.Delete(socketPath);
        var server = new GrpcSocketServer(socketPath, logger ?? NullLogger.Instance, options ?? new GrpcSocketOptions());
        try
        {
            await server._kestrel.StartAsync(server.Requests(service(server._stopping.Token)), cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Ends streams by the service's token, lets running calls finish for <paramref name="grace"/>, then breaks what is left. The socket's
    /// file is gone afterwards. Idempotent.
    /// </summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
            return;
        await _stopping.CancelAsync();
        using var patience = new CancellationTokenSource(grace);
        await _kestrel.StopAsync(patience.Token);
        _kestrel.Dispose();
        await _services.DisposeAsync();
        _stopping.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    /// <summary>
    /// What Grpc.AspNetCore and routing need, and no host: that would bring configuration, console, signal handlers and an activity for
    /// each call, once for each resource.
    /// </summary>
    private static ServiceProvider Services(StatusInterceptor statuses, GrpcSocketOptions options)
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance).AddLogging().AddMetrics();
        services.AddSingleton(new DiagnosticListener("Microsoft.AspNetCore"));
        services.AddSingleton(statuses);
        services.AddGrpc(grpc =>
        {
            (grpc.MaxReceiveMessageSize, grpc.MaxSendMessageSize) = (GrpcSocketOptions.RequestBytes, options.AnswerBytes);
            grpc.EnableDetailedErrors = true; // a malformed message never reaches the interceptor, and its sender shall read what was wrong
            grpc.Interceptors.Add<StatusInterceptor>();
        });
        // A compressed message is unpacked before its size is looked at: 256 KiB can become 256 MiB. The kubelet compresses nothing.
        services.PostConfigure<GrpcServiceOptions>(grpc => grpc.CompressionProviders.Clear());
        return services.BuildServiceProvider();
    }

    private KestrelServerOptions KestrelOptions()
    {
        var options = new KestrelServerOptions { AddServerHeader = false, ApplicationServices = _services };
        var limits = options.Limits;
        limits.MaxRequestBodySize = null; // the message's own limit answers with a gRPC status
        limits.MinRequestBodyDataRate = null; // GrpcSocketOptions.Request is for all of it
        limits.MinResponseDataRate = null;
        limits.KeepAliveTimeout = Timeout.InfiniteTimeSpan; // the kubelet keeps its connection for days
        (limits.MaxRequestHeaderCount, limits.MaxRequestHeadersTotalSize) = (32, 8 << 10);
        limits.RequestHeadersTimeout = _options.Request;
        limits.Http2.MaxStreamsPerConnection = _options.Calls;
        limits.Http2.MaxRequestHeaderFieldSize = 4 << 10;
        limits.Http2.InitialStreamWindowSize = 128 << 10;
        limits.Http2.InitialConnectionWindowSize = 512 << 10;
        options.ListenUnixSocket(
            SocketPath,
            listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.Use(next => connection => ServeAsync(connection, next));
            }
        );
        return options;
    }

    /// <summary>
    /// Who may not call is gone before a byte is read, and takes no place from who may. Kestrel's own limit of connections counts both.
    /// </summary>
    private bool Admit(ConnectionContext connection)
    {
        var peer = SocketPeer.Of(connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket);
        if (!_options.Admits(peer))
            return false;
        if (Interlocked.Increment(ref _connections) > _options.Connections)
        {
            Interlocked.Decrement(ref _connections);
            return false;
        }

        connection.Features.Set(peer);
        return true;
    }

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        try
        {
            connection.Transport = new FrameGate(connection.Transport, new FrameBudget(TimeProvider.System));
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    private Application Requests(ServerServiceDefinition definition)
    {
        var application = new ApplicationBuilder(_services);
        application.UseRouting();
        // A bound definition and not a type: no service is made or looked up for a call, and none is found by reflection.
        application.UseEndpoints(endpoints => endpoints.MapGrpcService(definition));
        return new Application(application.Build(), _services, _options.Request);
    }

    private sealed class Application(RequestDelegate answer, IServiceProvider services, TimeSpan limit) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) =>
            new DefaultHttpContext(contextFeatures) { RequestServices = services };

        public async Task ProcessRequestAsync(HttpContext context)
        {
            using var deadline = new RequestDeadline(context, limit);
            context.Features.Set(deadline);
            await answer(context);
        }

        public void DisposeContext(HttpContext context, Exception? exception) { }
    }
}
