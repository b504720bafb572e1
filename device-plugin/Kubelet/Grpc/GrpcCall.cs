using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>One call as its handler sees it.</summary>
public sealed class GrpcCall
{
    private readonly HttpContext _http;
    private readonly GrpcServerLimits _limits;

    internal GrpcCall(HttpContext http, GrpcServerLimits limits, CancellationToken cancellation, CancellationToken stopping)
    {
        _http = http;
        _limits = limits;
        Cancellation = cancellation;
        Stopping = stopping;
    }

    /// <summary>Fires when the peer gave up, its connection broke, or the deadline it sent has passed.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Fires when the server is about to stop: a stream that does not end then holds up the stop (Kestrel waits 30 s for it).</summary>
    public CancellationToken Stopping { get; }

    internal async ValueTask<T> ReadRequestAsync<T>(MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        var reader = _http.Request.BodyReader;
        var request = await GrpcFrame.ReadAsync(reader, parser, _limits.ReceiveBytes, Cancellation)
            ?? throw new GrpcStatusException(GrpcStatusCode.Internal, "the call carries no message");
        if (await GrpcFrame.ReadAsync(reader, parser, _limits.ReceiveBytes, Cancellation) is not null)
            throw new GrpcStatusException(GrpcStatusCode.Internal, "the call carries more than one message");
        return request;
    }

    internal async ValueTask WriteAsync<T>(T message, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        var writer = _http.Response.BodyWriter;
        GrpcFrame.Write(writer, message, _limits.SendBytes);
        var flushing = writer.FlushAsync(cancellationToken);
        // Only a peer that does not read makes a flush wait.
        using var broken = flushing.IsCompleted ? default : cancellationToken.UnsafeRegister(static http => ((HttpContext)http!).Abort(), _http);
        var flushed = await flushing;
        if (flushed.IsCanceled || flushed.IsCompleted) throw new OperationCanceledException("the peer reads no more");
    }
}

/// <param name="ReceiveBytes">The largest request message; more is RESOURCE_EXHAUSTED.</param>
/// <param name="SendBytes">The largest answer. The kubelet is grpc-go, which refuses messages over 4 MiB unless it is told otherwise.</param>
public sealed record GrpcServerLimits(int ReceiveBytes = 4 << 20, int SendBytes = 4 << 20);
