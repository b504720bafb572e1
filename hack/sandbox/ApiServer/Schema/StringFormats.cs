using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The string formats of kube-openapi <c>pkg/validation/strfmt</c> that a schema here may use. The API server passes over every format that
/// it does not know.
/// </summary>
internal static partial class StringFormats
{
    /// <summary>True as well for a format that nobody checks.</summary>
    public static bool Matches(string format, string text) =>
        format switch
        {
            "date-time" or "datetime" => DateTimes().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _),
            "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
            "uuid" => Uuids().IsMatch(text),
            "ipv4" => IPAddress.TryParse(text, out var v4)
                && v4.AddressFamily == AddressFamily.InterNetwork
                && text.Count(c => c == '.') == 3,
            "ipv6" => IPAddress.TryParse(text, out var v6) && v6.AddressFamily == AddressFamily.InterNetworkV6,
            "cidr" => IPNetwork.TryParse(text, out _),
            "mac" => Macs().IsMatch(text),
            "hostname" => text.Length is > 0 and <= 255 && Hostnames().IsMatch(text),
            "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
            "byte" => text.Length > 0 && Convert.TryFromBase64String(text, new byte[text.Length], out _),
            "duration" => Durations().IsMatch(text),
            _ => true,
        };

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex DateTimes();

    [GeneratedRegex(@"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\z")]
    private static partial Regex Uuids();

    [GeneratedRegex(@"^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}\z")]
    private static partial Regex Macs();

    [GeneratedRegex(@"^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*\z")]
    private static partial Regex Hostnames();

    [GeneratedRegex(@"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+\z")]
    private static partial Regex Durations();
}
