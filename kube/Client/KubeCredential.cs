using System.Text;
using k8s.Authentication;

namespace Hostdev.Kube.Client;

/// <summary>What a request shows who we are with. Neither part is ever printed.</summary>
internal sealed record Identity(ServiceClientCredentials? Credentials, ClientCertificate? Certificate)
{
    public static Identity Anonymous { get; } = new(null, null);

    public override string ToString() => nameof(Identity);
}

/// <summary>Knows the current <see cref="Identity"/>.</summary>
internal abstract class KubeCredential
{
    /// <summary>The same object as before as long as nothing changed.</summary>
    /// <param name="refused">The API server did not accept this one: get a new one if there is a way.</param>
    public abstract ValueTask<Identity> GetAsync(Identity? refused, CancellationToken cancellationToken);

    public sealed override string ToString() => GetType().Name;
}

internal sealed class FixedCredential(Identity identity) : KubeCredential
{
    public static FixedCredential Basic(string username, string password) =>
        new(new Identity(new BasicAuthenticationCredentials { UserName = username, Password = password }, null));

    public override ValueTask<Identity> GetAsync(Identity? refused, CancellationToken cancellationToken) => ValueTask.FromResult(identity);
}

/// <summary>
/// A token, a client certificate, or both, in files that something else renews: a service account's token, a kubelet's certificate.
/// </summary>
internal sealed class FileCredential(RereadFile<TokenCredentials>? token, Func<bool, ClientCertificate?> certificate) : KubeCredential
{
    private Identity _last = Identity.Anonymous;

    public static RereadFile<TokenCredentials> Token(string path, string field, TimeProvider time) =>
        new(
            path,
            field,
            bytes =>
                Encoding.UTF8.GetString(bytes).Trim() is { Length: > 0 } text
                    ? Bearer(text, $"{field}: {path}")
                    : throw new KubeConfigurationException($"{field}: {path} is empty: a token is needed"),
            time
        );

    /// <summary>A token for the header. What cannot stand in one is refused without being shown.</summary>
    public static TokenCredentials Bearer(string token, string where) =>
        token.All(c => c is > ' ' and < '\x7f')
            ? new TokenCredentials(token)
            : throw new KubeConfigurationException($"{where} holds characters that no token has: is it the right file, and one line?");

    public override ValueTask<Identity> GetAsync(Identity? refused, CancellationToken cancellationToken)
    {
        var now = new Identity(token?.Read(refused is not null), certificate(refused is not null));
        if (now != _last)
            _last = now;
        return ValueTask.FromResult(_last);
    }
}
