using System.Security.Cryptography;
using System.Text;

namespace Hostdev.Kubectl.Page;

/// <summary>What of a request says whether it may be answered.</summary>
/// <param name="Token">Of the query; null where there is none.</param>
/// <param name="Host">The header, as it was sent.</param>
/// <param name="Origin">The header; null where there is none.</param>
/// <param name="FetchSite">The header <c>Sec-Fetch-Site</c>; null where there is none.</param>
/// <param name="Session">The cookie; null where there is none.</param>
internal sealed record PageRequest(
    string Method,
    string Path,
    string? Token,
    string Host,
    string? Origin,
    string? FetchSite,
    string? Session
);

/// <summary>Whether a request is answered.</summary>
internal abstract record PageVerdict
{
    private PageVerdict() { }

    /// <param name="Words">Why, and what to do.</param>
    public sealed record Refused(int Status, string Words) : PageVerdict;

    /// <param name="BeginsSession">Whether the cookie goes with the answer.</param>
    public sealed record Allowed(bool BeginsSession) : PageVerdict;
}

/// <summary>
/// Who may read the page: whoever has the address that was printed, once, and then the browser that used it. Other pages in that browser
/// may not: neither by a name of theirs that leads to 127.0.0.1 (the Host header), nor by a request of their own (Origin, SameSite).
/// Thread-safe.
/// </summary>
/// <param name="token">What the printed address has; good once.</param>
/// <param name="session">What the cookie has.</param>
internal sealed class PageGuard(string token, string session, int port)
{
    private readonly string[] _hosts =
    [
        .. new[] { "127.0.0.1", "localhost", "[::1]" }.SelectMany(h => port == 80 ? (string[])[$"{h}:80", h] : [$"{h}:{port}"]),
    ];

    private int _used;

    /// <summary>Cookies are one jar for all ports of a host.</summary>
    public string CookieName => $"hostdev-ui-{port}";

    public string Cookie => $"{CookieName}={session}; Path=/; HttpOnly; SameSite=Strict";

    public static string NewSecret() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    public PageVerdict Judge(PageRequest request)
    {
        if (!_hosts.Contains(request.Host, StringComparer.OrdinalIgnoreCase))
            return Refuse(421, $"this page is at {_hosts[0]}, and at no other name: open the address that kubectl hostdev ui printed");
        if (request.Method is not ("GET" or "HEAD"))
            return Refuse(405, "this page is read-only: GET and HEAD are all there is");
        if (request.Origin is { } origin && !_hosts.Any(h => string.Equals(origin, $"http://{h}", StringComparison.OrdinalIgnoreCase)))
            return Refuse(403, "another page asked for this one, and may not have it");
        if (request.Path != "/" && request.FetchSite is not (null or "same-origin" or "none"))
            return Refuse(403, "another page asked for a part of this one, and may not have it");
        if (IsSame(request.Session, session))
            return new PageVerdict.Allowed(BeginsSession: false);
        if (request.Path != "/" || request.Token is null)
            return Refuse(403, "open the address that kubectl hostdev ui printed: its token lets one browser in");
        // A look ahead (HEAD) does not use it up.
        if (!IsSame(request.Token, token))
            return Refuse(403, "the token is not the one of this page: each kubectl hostdev ui prints its own address");
        return request.Method == "GET" && Interlocked.Exchange(ref _used, 1) == 0
            ? new PageVerdict.Allowed(BeginsSession: true)
            : Refuse(403, "the token was used already, and is good once: end kubectl hostdev ui and start it again for another one");
    }

    private static PageVerdict.Refused Refuse(int status, string words) => new(status, words);

    /// <summary>In a time that does not tell how much of it is right.</summary>
    private static bool IsSame(string? given, string right) =>
        given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(right));
}
