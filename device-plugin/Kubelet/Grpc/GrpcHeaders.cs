using System.Globalization;
using System.Text;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>Names and text forms of the headers of gRPC over HTTP/2 (grpc <c>doc/PROTOCOL-HTTP2.md</c>).</summary>
internal static class GrpcHeaders
{
    public const string ContentType = "application/grpc";
    public const string Status = "grpc-status";
    public const string Message = "grpc-message";
    public const string Timeout = "grpc-timeout";
    public const string Encoding = "grpc-encoding";
    public const string AcceptEncoding = "grpc-accept-encoding";
    public const string Identity = "identity";

    private const int MaxTimeoutValue = 99_999_999; // at most 8 digits

    /// <summary>True for <c>application/grpc</c> and its subtypes <c>application/grpc+proto</c>; false for <c>application/grpc-web</c>.</summary>
    public static bool IsGrpc(string? contentType) =>
        contentType is not null && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is '+' or ';');

    /// <summary>Percent-encodes a message: every byte of its UTF-8 form outside of space to <c>~</c>, and <c>%</c> itself.</summary>
    public static string EncodeMessage(string message)
    {
        var text = new StringBuilder(message.Length);
        foreach (var b in System.Text.Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%') text.Append((char)b);
            else text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>Decodes what <see cref="EncodeMessage"/> makes; what is no valid escape stays as it is, since an error text must not be lost to an encoding mistake.</summary>
    public static string DecodeMessage(string encoded) => Uri.UnescapeDataString(encoded);

    /// <summary>Parses <c>grpc-timeout</c>: one to eight digits and a unit of H, M, S, m, u or n. Null when it is no such text.</summary>
    public static TimeSpan? ParseTimeout(string text)
    {
        if (text.Length is < 2 or > 9 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return null;
        return text[^1] switch
        {
            'H' => TimeSpan.FromHours(Math.Min(value, 24 * 10_000)),
            'M' => TimeSpan.FromMinutes(value),
            'S' => TimeSpan.FromSeconds(value),
            'm' => TimeSpan.FromMilliseconds(value),
            'u' => TimeSpan.FromMicroseconds(value),
            'n' => TimeSpan.FromTicks(value / TimeSpan.NanosecondsPerTick),
            _ => null,
        };
    }

    /// <summary>The timeout in the finest unit that holds it in eight digits; never rounded up to more than asked for, never below one millisecond.</summary>
    public static string FormatTimeout(TimeSpan timeout)
    {
        var milliseconds = (long)Math.Max(1, timeout.TotalMilliseconds);
        return milliseconds <= MaxTimeoutValue
            ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds}m")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(MaxTimeoutValue, milliseconds / 1000)}S");
    }
}
