using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// What pods that have devices tell, by their metadata alone. A few are asked for one by one; of many, the pods of all VMs are listed once,
/// because others hardly have any.
/// </summary>
internal sealed class PodReader(KubeClient client, Action<string> note)
{
    private const int Few = 16;
    private const int MostSingle = 200;

    private static readonly KubeKind<PartialObjectMetadata> s_pods = PartialObjectMetadata.Of(ClusterReader.PodResource);

    private readonly Dictionary<ObjectKey, PodSight?> _seen = [];
    private bool _isListed;
    private bool _isRefused;
    private int _asked;

    /// <summary>What is not there, and what may not be read, is left out; the latter is noted once.</summary>
    public async Task<Dictionary<ObjectKey, PodSight?>> LookAsync(IReadOnlySet<ObjectKey> pods, CancellationToken cancellationToken)
    {
        try
        {
            if (!_isRefused && !_isListed && pods.Count(p => !_seen.ContainsKey(p)) > Few)
                await ListAsync(cancellationToken).ConfigureAwait(false);
            foreach (var pod in pods.Where(p => !_isRefused && !_seen.ContainsKey(p)))
            {
                if (_asked++ >= MostSingle)
                    break;
                var found = await client.FindAsync(s_pods, pod, cancellationToken).ConfigureAwait(false);
                _seen[pod] = found is null ? null : PodSight.Of(found.Metadata);
            }
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            _isRefused = true;
            note($"VMs and times are not known: {Failure.Forbidden(e)}");
        }

        return _seen;
    }

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        var selection = new Selection { Labels = PodSight.OfVirtualMachines };
        await foreach (var page in client.ListPagesAsync(s_pods, selection, cancellationToken).ConfigureAwait(false))
        {
            foreach (var pod in page.Items)
                _seen[ObjectKey.Of(pod)] = PodSight.Of(pod.Metadata);
        }

        _isListed = true;
    }
}
