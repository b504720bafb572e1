using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>
/// Calls a gRPC server on a unix socket over one HTTP/2 connection (prior knowledge), which is made on the first call and made again after it broke.
/// Every failure, of the peer or of the transport, is a <see cref="GrpcStatusException"/>; only the caller's own cancellation is an <see cref="OperationCanceledException"/>.
/// </summary>
/// <param name="receiveLimitBytes">The largest answer; a larger one ends the call with RESOURCE_EXHAUSTED. 4 MiB is what every gRPC client starts with.</param>
public sealed class GrpcClient(string socketPath, TimeProvider time, int receiveLimitBytes = 4 << 20) : IDisposable
{
    private const int SendLimitBytes = 64 << 20;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        ActivityHeadersPropagator = null,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        InitialHttp2StreamWindowSize = 1 << 20,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        ConnectCallback = async (_, token) => await ConnectAsync(socketPath, token),
    });

    /// <summary>One request, one answer. <paramref name="timeout"/> is sent as grpc-timeout and kept here as well.</summary>
    public async Task<TResponse> CallAsync<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, TimeSpan? timeout, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        TResponse? answer = null;
        await foreach (var message in StreamAsync(method, request, timeout, cancellationToken))
        {
            if (answer is not null) throw new GrpcStatusException(GrpcStatusCode.Internal, $"{method.Path} answered with more than one message");
            answer = message;
        }

        return answer ?? throw new GrpcStatusException(GrpcStatusCode.Internal, $"{method.Path} answered with no message");
    }

    /// <summary>One request, any number of answers. Ends when the peer ends the stream with OK; leaving the loop early cancels the call.</summary>
    public async IAsyncEnumerable<TResponse> StreamAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, TimeSpan? timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        using var deadline = timeout is { } t ? new CancellationTokenSource(t, time) : null;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline?.Token ?? CancellationToken.None);
        using var http = NewRequest(method, request, timeout);
        using var response = await GuardAsync(() => _http.SendAsync(http, ended.Token), deadline, cancellationToken);
        ThrowUnlessGrpc(response);
        var body = await response.Content.ReadAsStreamAsync(ended.Token);
        var reader = PipeReader.Create(body);
        while (await GuardAsync(async () => await GrpcFrame.ReadAsync(reader, method.Response, receiveLimitBytes, ended.Token), deadline, cancellationToken) is { } message) yield return message;
        ThrowUnlessOk(response.TrailingHeaders, response.Headers);
    }

    public void Dispose() => _http.Dispose();

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

    private static HttpRequestMessage NewRequest<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, TimeSpan? timeout)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var frame = new System.Buffers.ArrayBufferWriter<byte>();
        GrpcFrame.Write(frame, request, SendLimitBytes);
        var content = new ReadOnlyMemoryContent(frame.WrittenMemory);
        content.Headers.ContentType = new MediaTypeHeaderValue(GrpcHeaders.ContentType);
        var http = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://localhost{method.Path}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        http.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        http.Headers.Add(GrpcHeaders.AcceptEncoding, GrpcHeaders.Identity);
        if (timeout is { } t) http.Headers.Add(GrpcHeaders.Timeout, GrpcHeaders.FormatTimeout(t));
        return http;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> step, CancellationTokenSource? deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await step();
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw deadline?.IsCancellationRequested == true
                ? new GrpcStatusException(GrpcStatusCode.DeadlineExceeded, "the deadline of the call has passed", e)
                : new GrpcStatusException(GrpcStatusCode.Cancelled, "the call was cancelled", e);
        }
        catch (ObjectDisposedException e)
        {
            throw new GrpcStatusException(GrpcStatusCode.Cancelled, "the client was closed", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new GrpcStatusException(CodeOf(e), Innermost(e).Message, e);
        }
    }

    /// <summary>The status for an HTTP/2 error code (grpc <c>doc/PROTOCOL-HTTP2.md</c>, "HTTP2 Transport Mapping"); a connection that cannot be made or breaks is UNAVAILABLE.</summary>
    private static GrpcStatusCode CodeOf(Exception e)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is not HttpProtocolException protocol) continue;
            return protocol.ErrorCode switch
            {
                0x7 => GrpcStatusCode.Unavailable,
                0x8 => GrpcStatusCode.Cancelled,
                0xb => GrpcStatusCode.ResourceExhausted,
                0xc => GrpcStatusCode.PermissionDenied,
                _ => GrpcStatusCode.Internal,
            };
        }

        return GrpcStatusCode.Unavailable;
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    private static void ThrowUnlessGrpc(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new GrpcStatusException(
                response.StatusCode switch
                {
                    HttpStatusCode.BadRequest => GrpcStatusCode.Internal,
                    HttpStatusCode.Unauthorized => GrpcStatusCode.Unauthenticated,
                    HttpStatusCode.Forbidden => GrpcStatusCode.PermissionDenied,
                    HttpStatusCode.NotFound => GrpcStatusCode.Unimplemented,
                    HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => GrpcStatusCode.Unavailable,
                    _ => GrpcStatusCode.Unknown,
                },
                $"the peer answered with HTTP status {(int)response.StatusCode}");
        }

        if (!GrpcHeaders.IsGrpc(response.Content.Headers.ContentType?.MediaType)) throw new GrpcStatusException(GrpcStatusCode.Unknown, $"the peer answered with content type \"{response.Content.Headers.ContentType}\"");
    }

    private static void ThrowUnlessOk(HttpResponseHeaders trailers, HttpResponseHeaders headers)
    {
        var source = trailers.Contains(GrpcHeaders.Status) ? trailers : headers;
        if (First(source, GrpcHeaders.Status) is not { } text) throw new GrpcStatusException(GrpcStatusCode.Internal, "the peer closed the stream without a status");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code)) throw new GrpcStatusException(GrpcStatusCode.Unknown, $"the peer sent the status \"{text}\"");
        if (code == 0) return;
        throw new GrpcStatusException(code <= 16 ? (GrpcStatusCode)code : GrpcStatusCode.Unknown, GrpcHeaders.DecodeMessage(First(source, GrpcHeaders.Message) ?? ""));
    }

    private static string? First(HttpResponseHeaders headers, string name) => headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
