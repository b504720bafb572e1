using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Hostdev.Kube.Client;

/// <summary>
/// The credential that a plugin gives: kept until it expires or is refused, then the plugin is run again, by one caller for all.
/// </summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "A semaphore whose wait handle nobody asks for holds nothing."
)]
internal sealed class ExecCredentialSource(ExecPlugin plugin, TimeProvider time) : KubeCredential
{
    private readonly SemaphoreSlim _one = new(1, 1);
    private Identity? _last;
    private DateTimeOffset _expires;

    public override async ValueTask<Identity> GetAsync(Identity? refused, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_last is not null && !ReferenceEquals(_last, refused) && time.GetUtcNow() < _expires)
                return _last;
            var status = await plugin.RunAsync(time, cancellationToken).ConfigureAwait(false);
            var certificate = status is { ClientCertificateData: { Length: > 0 } pem, ClientKeyData: { } key }
                ? ClientCertificate.Parse(Encoding.UTF8.GetBytes(pem), Encoding.UTF8.GetBytes(key), plugin.Where)
                : null;
            _last = new Identity(status.Token is { Length: > 0 } token ? FileCredential.Bearer(token, plugin.Where) : null, certificate);
            _expires = status.ExpirationTimestamp is { } end ? new DateTimeOffset(end) : DateTimeOffset.MaxValue;
            return _last;
        }
        finally
        {
            _one.Release();
        }
    }
}
