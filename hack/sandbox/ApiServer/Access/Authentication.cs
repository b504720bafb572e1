using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>Bearer tokens, client certificates, and impersonation.</summary>
internal sealed class Authentication
{
    private readonly ConcurrentDictionary<string, ApiUser> _tokens = [];

    public void Add(string token, ApiUser user) => _tokens[token] = user;

    /// <summary>From now on nobody may use it: what a client with an expired token meets.</summary>
    public void Revoke(string token) => _tokens.TryRemove(token, out _);

    /// <summary>Null for whoever cannot say who he is.</summary>
    public ApiUser? Identify(HttpContext context)
    {
        const string scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        if (header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return Identify(header[scheme.Length..].Trim());
        return context.Connection.ClientCertificate is { } certificate ? ServingCertificates.UserOf(certificate) : null;
    }

    /// <summary>Whose token it is; null for a token that is none.</summary>
    public ApiUser? Identify(string token) => _tokens.GetValueOrDefault(token);

    /// <summary>As whom the user wants to act (<c>kubectl --as</c>); null when as himself.</summary>
    public static ApiUser? Impersonated(HttpRequest request)
    {
        var name = request.Headers["Impersonate-User"].ToString();
        if (name.Length == 0)
            return null;
        ImmutableArray<string> groups = [.. request.Headers["Impersonate-Group"].OfType<string>()];
        var parts = name.Split(':');
        if (groups.IsEmpty && parts is ["system", "serviceaccount", _, _])
            groups = ["system:serviceaccounts", $"system:serviceaccounts:{parts[2]}"];
        const string extra = "Impersonate-Extra-";
        return new ApiUser(name, groups)
        {
            Extra = request
                .Headers.Where(h => h.Key.StartsWith(extra, StringComparison.OrdinalIgnoreCase))
                .ToImmutableSortedDictionary(
                    h => Uri.UnescapeDataString(h.Key[extra.Length..]).ToLowerInvariant(),
                    h => h.Value.OfType<string>().ToImmutableArray()
                ),
        };
    }
}
