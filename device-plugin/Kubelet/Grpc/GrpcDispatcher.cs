using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>Turns HTTP/2 requests into calls: finds the handler, sets the deadline, and makes the status of whatever happened.</summary>
internal sealed partial class GrpcDispatcher(GrpcServices services, GrpcServerLimits limits, TimeProvider time, ILogger logger, CancellationToken stopping) : IHttpApplication<HttpContext>
{
    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method) || !GrpcHeaders.IsGrpc(context.Request.ContentType))
        {
            context.Response.StatusCode = HttpMethods.IsPost(context.Request.Method) ? StatusCodes.Status415UnsupportedMediaType : StatusCodes.Status405MethodNotAllowed;
            return;
        }

        context.Response.ContentType = GrpcHeaders.ContentType;
        context.Response.Headers[GrpcHeaders.AcceptEncoding] = GrpcHeaders.Identity;
        var (code, message) = await RunAsync(context);
        if (!context.RequestAborted.IsCancellationRequested) Finish(context.Response, code, message);
    }

    private async Task<(GrpcStatusCode Code, string Message)> RunAsync(HttpContext context)
    {
        if (services.Find(context.Request.Path.Value ?? "") is not { } handler)
            return (GrpcStatusCode.Unimplemented, $"{context.Request.Path.Value} is not served here");
        if (!TryDeadline(context.Request, out var timeout)) return (GrpcStatusCode.InvalidArgument, "grpc-timeout is no timeout: expected up to eight digits and one of H, M, S, m, u, n");
        using var deadline = timeout is { } t ? new CancellationTokenSource(t, time) : null;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, deadline?.Token ?? CancellationToken.None);
        try
        {
            await handler(new GrpcCall(context, limits, ended.Token, stopping));
            return (GrpcStatusCode.Ok, "");
        }
        catch (GrpcStatusException e)
        {
            return (e.Code, e.Message);
        }
        catch (OperationCanceledException) when (deadline?.IsCancellationRequested == true)
        {
            return (GrpcStatusCode.DeadlineExceeded, "the deadline of the call has passed");
        }
        catch (OperationCanceledException)
        {
            return stopping.IsCancellationRequested ? (GrpcStatusCode.Unavailable, "the server is stopping") : (GrpcStatusCode.Cancelled, "the call was cancelled");
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested)
        {
            LogAborted(logger, context.Request.Path.Value, e.Message);
            return (GrpcStatusCode.Cancelled, "the call was cancelled");
        }
        catch (Exception e)
        {
            LogFailed(logger, context.Request.Path.Value, e);
            return (GrpcStatusCode.Internal, $"{e.GetType().Name}: {e.Message}");
        }
    }

    private static bool TryDeadline(HttpRequest request, out TimeSpan? timeout)
    {
        timeout = null;
        if (!request.Headers.TryGetValue(GrpcHeaders.Timeout, out var values)) return true;
        timeout = GrpcHeaders.ParseTimeout(values.ToString());
        if (timeout > TimeSpan.FromDays(40)) timeout = TimeSpan.FromDays(40); // timers hold 49 days at most
        return timeout is not null;
    }

    /// <summary>The status goes into the headers when nothing was written ("Trailers-Only"), else into the trailers.</summary>
    private static void Finish(HttpResponse response, GrpcStatusCode code, string message)
    {
        var status = ((int)code).ToString(CultureInfo.InvariantCulture);
        if (!response.HasStarted)
        {
            response.Headers[GrpcHeaders.Status] = status;
            if (message.Length > 0) response.Headers[GrpcHeaders.Message] = GrpcHeaders.EncodeMessage(message);
            return;
        }

        response.AppendTrailer(GrpcHeaders.Status, status);
        if (message.Length > 0) response.AppendTrailer(GrpcHeaders.Message, GrpcHeaders.EncodeMessage(message));
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Debug, Message = "{Path}: the peer went away: {Error}")]
    private static partial void LogAborted(ILogger logger, string? path, string error);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Error, Message = "{Path} failed; this is a bug in Hostdev, please report it")]
    private static partial void LogFailed(ILogger logger, string? path, Exception exception);
}
