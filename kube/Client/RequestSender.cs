using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Client;

/// <summary>A request as it can be sent more than once.</summary>
/// <param name="Path">Below the server's address, with its query.</param>
/// <param name="IsWrite">Asks the gate before each start, and is sent again only where the server surely did nothing.</param>
internal sealed record KubeRequest(
    string Verb,
    string Resource,
    HttpMethod Method,
    string Path,
    string Accept,
    bool IsWrite = false,
    ReadOnlyMemory<byte> Body = default,
    string? ContentType = null
)
{
    /// <summary>For messages: without the query, which differs from one request to the next of the same meaning.</summary>
    public override string ToString() => $"{(Verb == "watch" ? "WATCH" : Method)} {Path.Split('?')[0]}";
}

/// <summary>
/// Sends requests: who we are, the gate before writes, what the server says about coming back later, its warnings, and refusals as
/// exceptions.
/// </summary>
internal sealed partial class RequestSender(
    KubeTransport transport,
    ProductInfoHeaderValue userAgent,
    KubeClientOptions options,
    WarningLog warnings,
    Func<CancellationToken, ValueTask>? beforeWrite,
    TimeProvider time,
    ILogger logger
)
{
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    public RequestSender With(Func<CancellationToken, ValueTask> gate) => new(transport, userAgent, options, warnings, gate, time, logger);

    /// <summary>The whole of a request whose answer is read by <paramref name="read"/>, within
    /// <see cref="KubeClientOptions.RequestTimeout"/>.</summary>
    public async Task<T> CallAsync<T>(
        KubeRequest request,
        Func<Stream, CancellationToken, Task<T>> read,
        CancellationToken cancellationToken
    )
    {
        using var timeout = new CancellationTokenSource(options.RequestTimeout, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            using var response = await SendAsync(request, ended.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsStreamAsync(ended.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
                return await read(body, ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && timeout.IsCancellationRequested)
        {
            throw new KubeTransportException(
                request.ToString(),
                $"no whole answer from {transport.Server} within {options.RequestTimeout.TotalSeconds:0} s"
            );
        }
        catch (Exception e) when (IsTransport(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Broken(request, e);
        }
    }

    /// <summary>Sends until the server answers with success; the caller reads and disposes the answer.</summary>
    /// <exception cref="KubeApiException">It answered with anything else.</exception>
    /// <exception cref="KubeTransportException">It did not answer.</exception>
    public async Task<HttpResponseMessage> SendAsync(KubeRequest request, CancellationToken cancellationToken)
    {
        Identity? refused = null;
        for (var attempt = 0; ; attempt++)
        {
            var identity = await transport.IdentityAsync(refused, cancellationToken).ConfigureAwait(false);
            var response = await SendOnceAsync(request, identity, cancellationToken).ConfigureAwait(false);
            try
            {
                warnings.Say(response, request);
                if (response.IsSuccessStatusCode)
                    return response;
                var status = await StatusReader.ReadAsync(response, cancellationToken).ConfigureAwait(false);
                if (status.Code is 401 or 403 && transport.Withholds(identity))
                    status = status with
                    {
                        Message = $"{status.Message}; {transport.Server} is plain http, where no token or password is sent: write https",
                    };
                var error = new KubeApiException(request.ToString(), status);
                response.Dispose();
                if (error.IsUnauthorized && refused is null)
                    refused = identity;
                else if (Pause(request, error, attempt) is { } pause)
                    await WaitAsync(request, error, pause, cancellationToken).ConfigureAwait(false);
                else
                    throw error;
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
    }

    public KubeTransportException Broken(KubeRequest request, Exception e) => new(request.ToString(), $"{transport.Server} {Why(e)}", e);

    public static bool IsTransport(Exception e) =>
        e is HttpRequestException or IOException or HttpProtocolException or AuthenticationException or InvalidDataException;

    private async Task<HttpResponseMessage> SendOnceAsync(KubeRequest request, Identity identity, CancellationToken cancellationToken)
    {
        using var http = NewMessage(request);
        // The last thing before it goes out: whoever may no longer write must not start.
        if (request.IsWrite && beforeWrite is not null)
            await beforeWrite(cancellationToken).ConfigureAwait(false);
        var began = time.GetTimestamp();
        try
        {
            var response = await transport.SendAsync(http, identity, cancellationToken).ConfigureAwait(false);
            options.Observe?.Invoke(
                new RequestObservation(request.Verb, request.Resource, (int)response.StatusCode, time.GetElapsedTime(began))
            );
            return response;
        }
        catch (Exception e) when (IsTransport(e) || e is OperationCanceledException)
        {
            options.Observe?.Invoke(new RequestObservation(request.Verb, request.Resource, 0, time.GetElapsedTime(began)));
            cancellationToken.ThrowIfCancellationRequested();
            throw Broken(request, e);
        }
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The message owns its content.")]
    private HttpRequestMessage NewMessage(KubeRequest request)
    {
        var http = new HttpRequestMessage(request.Method, new Uri(transport.Server, request.Path.TrimStart('/')))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        http.Headers.UserAgent.Add(userAgent);
        http.Headers.TryAddWithoutValidation("Accept", request.Accept);
        if (request.ContentType is not null)
        {
            http.Content = new ReadOnlyMemoryContent(request.Body);
            http.Content.Headers.ContentType = new MediaTypeHeaderValue(request.ContentType);
        }

        return http;
    }

    /// <summary>
    /// How long to wait before the same request is sent again; null when it is not. 429 comes before anything is done, and so does 503 with
    /// a time to come back; after other server errors only a read is sent again, because a write may have been stored (client-go
    /// <c>rest.withRetry</c> repeats those as well).
    /// </summary>
    private TimeSpan? Pause(KubeRequest request, KubeApiException error, int attempt)
    {
        var seconds = error.Status.Details.RetryAfterSeconds;
        if (attempt >= options.Retries || seconds > _longestPause.TotalSeconds)
            return null;
        if (error.IsTooManyRequests)
            return TimeSpan.FromSeconds(Math.Max(1, seconds));
        return seconds > 0 && (error.Status.Code == 503 || (error.IsServerError && !request.IsWrite))
            ? TimeSpan.FromSeconds(seconds)
            : null;
    }

    private async Task WaitAsync(KubeRequest request, KubeApiException error, TimeSpan pause, CancellationToken cancellationToken)
    {
        LogPause(request, error.Status.Code, pause.TotalSeconds);
        await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
    }

    private static string Why(Exception e) =>
        e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }
            ? $"cannot be trusted, or does not trust us: {Innermost(e).Message}"
            : $"does not answer: {Innermost(e).Message}";

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    [LoggerMessage(EventId = 5001, Level = LogLevel.Debug, Message = "{Request}: the server answered {Code}; asking again in {Seconds} s")]
    private partial void LogPause(KubeRequest request, int code, double seconds);
}
