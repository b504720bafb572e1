using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Makes the status of what a handler throws. Grpc.AspNetCore says UNKNOWN to everything that is no <see cref="RpcException"/>, which tells
/// neither a bug from a stop nor what the bug is;
/// the kubelet puts our words into the pod's event, which may be all that an admin sees.
/// </summary>
internal sealed partial class StatusInterceptor(ILogger logger, Func<SocketPeer, bool> admits, CancellationToken stopping) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request,
        ServerCallContext context,
        UnaryServerMethod<TRequest, TResponse> continuation
    )
    {
        Begin(context);
        try
        {
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(StatusOf(e, context));
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation
    )
    {
        Begin(context);
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(StatusOf(e, context));
        }
    }

    /// <summary>
    /// The whole request is there. A connection outlives the kubelet that was registered with when it was made: who calls is asked again.
    /// </summary>
    private void Begin(ServerCallContext context)
    {
        var features = context.GetHttpContext().Features;
        features.Get<RequestDeadline>()?.Dispose();
        if (features.Get<SocketPeer>() is { } peer && !admits(peer))
            throw new RpcException(new Status(StatusCode.PermissionDenied, "another process is the kubelet now"));
    }

    private Status StatusOf(Exception e, ServerCallContext context)
    {
        if (e is OperationCanceledException && !context.CancellationToken.IsCancellationRequested && stopping.IsCancellationRequested)
            return new Status(StatusCode.Unavailable, "the server is stopping", e);
        if (e is OperationCanceledException)
            return new Status(StatusCode.Cancelled, "the call was cancelled", e);
        if (context.CancellationToken.IsCancellationRequested)
        {
            LogAborted(logger, context.Method, e.Message);
            return new Status(StatusCode.Cancelled, "the call was cancelled", e);
        }

        LogFailed(logger, context.Method, e);
        return new Status(StatusCode.Internal, $"{e.GetType().Name}: {e.Message}", e);
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Debug, Message = "{Path}: the peer went away: {Error}")]
    private static partial void LogAborted(ILogger logger, string? path, string error);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Error, Message = "{Path} failed; this is a bug in Hostdev, please report it")]
    private static partial void LogFailed(ILogger logger, string? path, Exception exception);
}
