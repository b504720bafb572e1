using System.Text;
using System.Text.Json;

namespace Hostdev.Kube.Client;

/// <summary>Reads why a request was refused.</summary>
internal static class StatusReader
{
    private const int UsualBody = 1 << 12;
    private const int LargestBody = 1 << 20;
    private const int LongestText = 200;

    /// <summary>
    /// The Status of an answer, or what comes near it when something else than the API server answered. <c>Retry-After</c> counts where the
    /// Status says nothing.
    /// </summary>
    public static async Task<KubeStatus> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var code = (int)response.StatusCode;
        var body = await ReadBodyAsync(response, cancellationToken).ConfigureAwait(false);
        var status = Parse(body) ?? new KubeStatus { Message = FirstLine(body) };
        var after = (int)(response.Headers.RetryAfter?.Delta?.TotalSeconds ?? 0);
        return status with
        {
            Code = code,
            Details = status.Details with { RetryAfterSeconds = Math.Max(after, status.Details.RetryAfterSeconds) },
        };
    }

    /// <summary>Null when the bytes are no Status.</summary>
    public static KubeStatus? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return
                JsonSerializer.Deserialize(json, KubeJsonContext.Default.KubeStatus) is { } status
                && (status.Reason.Length > 0 || status.Message.Length > 0 || status.Code > 0)
                ? status
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<byte[]> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var body = new byte[UsualBody];
            var length = 0;
            while (true)
            {
                length += await stream
                    .ReadAtLeastAsync(body.AsMemory(length), body.Length - length, throwOnEndOfStream: false, cancellationToken)
                    .ConfigureAwait(false);
                if (length < body.Length || length == LargestBody)
                    return body[..length];
                Array.Resize(ref body, Math.Min(body.Length * 8, LargestBody));
            }
        }
    }

    private static string FirstLine(byte[] body)
    {
        var line = Encoding.UTF8.GetString(body).Trim().Split('\n')[0].Trim();
        return line.Length > LongestText ? line[..LongestText] + "..." : line;
    }
}
