using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Hostdev.Tests.Kube;

/// <summary>A certificate authority of its own for each test.</summary>
internal sealed class CertificateAuthority
{
    private readonly X509Certificate2 _root;

    /// <param name="parent">Null for a self-signed one.</param>
    public CertificateAuthority(string name = "test-ca", CertificateAuthority? parent = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var (from, to) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        if (parent is null)
            _root = request.CreateSelfSigned(from, to);
        else
        {
            using var signed = request.Create(parent._root, from, to.AddHours(-1), RandomNumberGenerator.GetBytes(8));
            _root = signed.CopyWithPrivateKey(key);
        }
    }

    public string Pem => _root.ExportCertificatePem();

    /// <param name="commonName">With one, and neither name nor address, the certificate has no subject alternative name.</param>
    public X509Certificate2 Server(string? name = null, IPAddress? address = null, bool expired = false, string? commonName = null)
    {
        if (commonName is not null && name is null && address is null)
            return Issue($"CN={commonName}", "1.3.6.1.5.5.7.3.1", null, expired);
        var names = new SubjectAlternativeNameBuilder();
        if (name is not null)
            names.AddDnsName(name);
        if (address is not null)
            names.AddIpAddress(address);
        return Issue("CN=kube-apiserver", "1.3.6.1.5.5.7.3.1", names, expired);
    }

    public X509Certificate2 Client(string name) => Issue($"CN={name}", "1.3.6.1.5.5.7.3.2", null, false);

    public static string KeyPem(X509Certificate2 certificate) => certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();

    private X509Certificate2 Issue(string subject, string usage, SubjectAlternativeNameBuilder? names, bool expired)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null)
            request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(
            _root,
            DateTimeOffset.UtcNow.AddMinutes(-50),
            DateTimeOffset.UtcNow.AddMinutes(expired ? -10 : 600),
            RandomNumberGenerator.GetBytes(8)
        );
        // By way of PKCS 12: the server cannot use a key that lives in memory alone on every platform.
        return X509CertificateLoader.LoadPkcs12(
            signed.CopyWithPrivateKey(key).Export(X509ContentType.Pfx),
            null,
            X509KeyStorageFlags.Exportable
        );
    }
}
