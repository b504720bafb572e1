using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Hostdev.Kube.Client;

/// <summary>The certificates that a server's chain must lead to.</summary>
internal sealed record TrustedRoots(X509Certificate2Collection Certificates)
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    public static TrustedRoots Parse(byte[] pem, string where)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(Encoding.UTF8.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw new KubeConfigurationException($"{where} holds a certificate that cannot be read: {e.Message}", e);
        }

        return roots.Count > 0
            ? new TrustedRoots(roots)
            : throw new KubeConfigurationException(
                $"{where} holds no certificate: put the cluster's CA there, in PEM (-----BEGIN CERTIFICATE-----)"
            );
    }

    /// <summary>
    /// Null when the chain of a server's certificate leads to one of ours, else why not. Every certificate of ours is a root, also one that
    /// is signed by another (as Go and kubectl see it; .NET's own custom root trust takes only self-signed ones): so an unknown top is let
    /// pass by the builder, and one of ours demanded of the chain. Signatures, dates and usage are the builder's.
    /// </summary>
    public string? Refuses(X509Certificate2 server, X509Chain? sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Certificates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        if (!chain.Build(server))
            return "its certificate does not hold: "
                + $"{string.Join(' ', chain.ChainStatus.Select(s => s.StatusInformation.Trim().TrimEnd('.') + '.'))}";
        return chain.ChainElements.Any(e => Certificates.Any(c => c.RawDataMemory.Span.SequenceEqual(e.Certificate.RawDataMemory.Span)))
            ? null
            : $"its certificate, issued by {server.Issuer}, leads to no CA that we were given: put the cluster's CA "
                + "into certificate-authority.";
    }
}

/// <summary>What we show who we are with: a certificate with its key, and those between it and the CA.</summary>
internal sealed record ClientCertificate(X509Certificate2 Leaf, ImmutableArray<X509Certificate2> Intermediates)
{
    public static ClientCertificate Parse(byte[] certificatePem, byte[] keyPem, string where)
    {
        try
        {
            var certificates = Encoding.UTF8.GetString(certificatePem);
            var all = new X509Certificate2Collection();
            all.ImportFromPem(certificates);
            var leaf = X509Certificate2.CreateFromPem(certificates, Encoding.UTF8.GetString(keyPem));
            // Schannel cannot use a key that lives in memory alone.
            if (OperatingSystem.IsWindows())
                leaf = X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pfx), null);
            return new ClientCertificate(leaf, [.. all.Skip(1)]);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // The exception's own words may quote the key: only its kind is told.
            throw new KubeConfigurationException(
                $"{where}: the client certificate and its key cannot be read ({e.GetType().Name}): both must be PEM, "
                    + "the key unencrypted and that of the certificate"
            );
        }
    }
}
