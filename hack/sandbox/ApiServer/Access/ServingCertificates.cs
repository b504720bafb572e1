using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>A CA made for one server: its serving certificate, and certificates for clients.</summary>
internal sealed class ServingCertificates : IDisposable
{
    private static readonly TimeSpan s_validity = TimeSpan.FromDays(365);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _authority;
    private readonly DateTimeOffset _from;

    public ServingCertificates(DateTimeOffset now)
    {
        _from = now - TimeSpan.FromHours(1);
        var request = new CertificateRequest("CN=hostdev-sandbox-ca", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true)
        );
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _authority = request.CreateSelfSigned(_from, _from + s_validity);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        names.AddDnsName("kubernetes.default.svc");
        Server = Sign("CN=kube-apiserver", "1.3.6.1.5.5.7.3.1", names.Build());
    }

    public X509Certificate2 Server { get; }

    /// <summary>PEM.</summary>
    public string Authority => _authority.ExportCertificatePem();

    /// <summary>The common name is the user, organisations are his groups.</summary>
    public (string Certificate, string Key) Issue(ApiUser user)
    {
        using var certificate = Sign(
            string.Join(',', user.Groups.Select(g => $"O={g}").Prepend($"CN={user.Name}")),
            "1.3.6.1.5.5.7.3.2",
            null
        );
        using var key = certificate.GetECDsaPrivateKey()!;
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public bool Issued(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    public static ApiUser UserOf(X509Certificate2 certificate)
    {
        var parts = certificate.SubjectName.EnumerateRelativeDistinguishedNames().ToList();
        string[] Values(string oid) =>
            [.. parts.Where(p => p.GetSingleElementType().Value == oid).Select(p => p.GetSingleElementValue() ?? "")];
        return new ApiUser(Values("2.5.4.3").FirstOrDefault(""), [.. Values("2.5.4.10")]);
    }

    public void Dispose()
    {
        Server.Dispose();
        _authority.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Sign(string subject, string use, X509Extension? names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        if (names is not null)
            request.CertificateExtensions.Add(names);
        using var bare = request.Create(_authority, _from, _from + s_validity, RandomNumberGenerator.GetBytes(8));
        using var whole = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
