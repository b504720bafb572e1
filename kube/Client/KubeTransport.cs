using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Hostdev.Kube.Client;

/// <summary>Connections to the API server, made anew when what they were made with is renewed. Thread-safe.</summary>
internal sealed class KubeTransport(KubeConfiguration configuration) : IDisposable
{
    private readonly Lock _gate = new();
    private bool _disposed;
    private (TrustedRoots? Roots, ClientCertificate? Certificate, HttpMessageInvoker Http)? _current;

    public Uri Server => configuration.Server;

    /// <summary>
    /// Neither token nor password goes over a connection that anybody on the way can read (client-go reads none for such a server:
    /// <c>clientcmd</c>, <c>IsConfigTransportTLS</c>).
    /// </summary>
    public bool Withholds(Identity identity) => identity.Credentials is not null && Server.Scheme != Uri.UriSchemeHttps;

    public ValueTask<Identity> IdentityAsync(Identity? refused, CancellationToken cancellationToken) =>
        configuration.Credential.GetAsync(refused, cancellationToken);

    /// <summary>Sends; the answer's body is not read yet.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, Identity identity, CancellationToken cancellationToken)
    {
        if (identity.Credentials is { } credentials && !Withholds(identity))
            await credentials.ProcessHttpRequestAsync(request, cancellationToken).ConfigureAwait(false);
        // What the handler takes the name for TLS from; it has no other way than the Host header.
        if (configuration.ServerName is { } name)
            request.Headers.Host = name;
        while (true)
        {
            try
            {
                return await Http(identity.Certificate).SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (ObjectDisposedException) when (!_disposed)
            {
                // Another request met a renewed certificate just now, and these connections went before anything was sent on them.
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _current?.Http.Dispose();
        }
    }

    private HttpMessageInvoker Http(ClientCertificate? certificate)
    {
        var roots = configuration.Roots?.Invoke();
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_current is { } current)
            {
                if (ReferenceEquals(current.Roots, roots) && ReferenceEquals(current.Certificate, certificate))
                    return current.Http;
                // What is under way on the old connections ends in peace; a watch is asked for again within minutes anyway.
                current.Http.Dispose();
            }

            var http = new HttpMessageInvoker(NewHandler(roots, certificate));
            _current = (roots, certificate, http);
            return http;
        }
    }

    [SuppressMessage(
        "Security",
        "CA5359:Do not disable certificate validation",
        Justification = "Only where the kubeconfig says insecure-skip-tls-verify."
    )]
    private SocketsHttpHandler NewHandler(TrustedRoots? roots, ClientCertificate? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            ActivityHeadersPropagator = null,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.GZip,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = 1 << 20,
            // A connection that is dead but not closed is noticed within 45 s (client-go: ReadIdleTimeout 30 s, PingTimeout 15 s).
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            PooledConnectionLifetime = TimeSpan.FromHours(1),
            UseCookies = false,
        };
        if (configuration.Proxy is { } proxy)
            handler.Proxy = proxy;
        handler.UseProxy = !configuration.IsDirect;
        if (certificate is not null)
            handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(
                certificate.Leaf,
                [.. certificate.Intermediates],
                offline: true
            );
        if (configuration.TrustAnyServer)
            handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        else
            handler.SslOptions.RemoteCertificateValidationCallback = (_, server, chain, errors) =>
                Trusts(roots, server as X509Certificate2, chain, errors);
        return handler;
    }

    /// <summary>True, or an exception that says why not: a plain false would be told as "rejected by the callback".</summary>
    /// <param name="roots">Null for the machine's own, which the errors are by.</param>
    private bool Trusts(TrustedRoots? roots, X509Certificate2? server, X509Chain? sent, SslPolicyErrors errors)
    {
        if (server is null)
            throw new AuthenticationException("it shows no certificate.");
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            throw new AuthenticationException(
                $"its certificate is not for {configuration.ServerName ?? Server.Host} but for {Names(server)}: use "
                    + "one of these in server, or in tls-server-name."
            );
        // .NET takes the common name where there is no other; Go does not, and neither does kubectl.
        if (!HasName(server))
            throw new AuthenticationException(
                "its certificate has no subject alternative name, and a common name is none: have it issued with the server's names."
            );
        if (roots is null)
            return errors == SslPolicyErrors.None
                ? true
                : throw new AuthenticationException(
                    "this machine does not trust its certificate: put the cluster's CA into certificate-authority."
                );
        return roots.Refuses(server, sent) is { } why ? throw new AuthenticationException(why) : true;
    }

    private static bool HasName(X509Certificate2 certificate) => NamesOf(certificate).Any();

    private static string Names(X509Certificate2 certificate) =>
        string.Join(", ", NamesOf(certificate)) is { Length: > 0 } names ? names : "no name at all";

    private static IEnumerable<string> NamesOf(X509Certificate2 certificate) =>
        certificate
            .Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString())));
}
