using Google.Protobuf;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>The methods a <see cref="GrpcServer"/> serves: path to handler. Filled before the server starts, read-only afterwards.</summary>
public sealed class GrpcServices
{
    private readonly Dictionary<string, GrpcHandler> _handlers = new(StringComparer.Ordinal);

    /// <summary>One request, one answer. The handler ends the call with another status by throwing <see cref="GrpcStatusException"/>.</summary>
    public GrpcServices Unary<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, Func<TRequest, GrpcCall, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _handlers.Add(method.Path, async call =>
        {
            var response = await handler(await call.ReadRequestAsync(method.Request), call);
            await call.WriteAsync(response, call.Cancellation);
        });
        return this;
    }

    /// <summary>One request, any number of answers; the stream ends with OK when the handler returns.</summary>
    public GrpcServices ServerStreaming<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, Func<TRequest, GrpcStream<TResponse>, GrpcCall, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _handlers.Add(method.Path, async call => await handler(await call.ReadRequestAsync(method.Request), new GrpcStream<TResponse>(call), call));
        return this;
    }

    internal GrpcHandler? Find(string path) => _handlers.GetValueOrDefault(path);
}

internal delegate Task GrpcHandler(GrpcCall call);

/// <summary>The answers of a server-streaming call, written in order by one writer.</summary>
public sealed class GrpcStream<TResponse>
    where TResponse : class, IMessage<TResponse>
{
    private readonly GrpcCall _call;

    internal GrpcStream(GrpcCall call) => _call = call;

    /// <summary>
    /// Returns when the message is handed to the connection: what is answered on another call of the same connection afterwards arrives after it. Waits for a peer that does not
    /// read; when <paramref name="cancellationToken"/> ends that wait, the call is broken off, since a peer that reads nothing would not read its end either.
    /// </summary>
    public ValueTask WriteAsync(TResponse message, CancellationToken cancellationToken) => _call.WriteAsync(message, cancellationToken);
}
