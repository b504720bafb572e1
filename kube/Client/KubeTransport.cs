using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Hostdev.Kube.Client;

/// <summary>Connections to the API server, made anew when what they were made with is renewed. Thread-safe.</summary>
internal sealed class KubeTransport(KubeConfiguration configuration) : IDisposable
{
    private readonly Lock _gate = new();
    private (TrustedRoots? Roots, ClientCertificate? Certificate, HttpMessageInvoker Http)? _current;

    public Uri Server => configuration.Server;

    public ValueTask<Identity> IdentityAsync(Identity? refused, CancellationToken cancellationToken) => configuration.Credential.GetAsync(refused, cancellationToken);

    /// <summary>Sends; the answer's body is not read yet.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, Identity identity, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = identity.Header;
        return await Http(identity.Certificate).SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public void Dispose()
    {
        lock (_gate) _current?.Http.Dispose();
    }

    private HttpMessageInvoker Http(ClientCertificate? certificate)
    {
        var roots = configuration.Roots?.Invoke();
        lock (_gate)
        {
            if (_current is { } current)
            {
                if (ReferenceEquals(current.Roots, roots) && ReferenceEquals(current.Certificate, certificate)) return current.Http;
                // What is under way on the old connections ends in peace; a watch is asked for again within minutes anyway.
                current.Http.Dispose();
            }

            var http = new HttpMessageInvoker(NewHandler(roots, certificate));
            _current = (roots, certificate, http);
            return http;
        }
    }

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
        if (configuration.Proxy is { } proxy) handler.Proxy = proxy;
        if (configuration.ServerName is { } name) handler.SslOptions.TargetHost = name;
        if (certificate is not null) handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(certificate.Leaf, [.. certificate.Intermediates], offline: true);
        if (configuration.TrustAnyServer) handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        else if (roots is not null) handler.SslOptions.RemoteCertificateValidationCallback = (_, server, chain, errors) => Trusts(roots, server, chain, errors);
        return handler;
    }

    private static bool Trusts(TrustedRoots roots, X509Certificate? server, X509Chain? sent, SslPolicyErrors errors) =>
        server is X509Certificate2 certificate && (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None && roots.Trusts(certificate, sent);
}
