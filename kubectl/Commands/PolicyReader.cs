using System.Runtime.CompilerServices;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Commands;

/// <summary>The policies of all kinds.</summary>
internal static class PolicyReader
{
    /// <summary>Kind by kind, each in the order of names; objects of a list do not say their kind.</summary>
    public static async IAsyncEnumerable<(string Kind, PolicyObject Policy)> ReadAsync(
        KubeClient client,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        foreach (var kind in PolicyKinds.All)
        {
            await foreach (var page in client.ListPagesAsync(kind, Selection.Everything, cancellationToken).ConfigureAwait(false))
            {
                foreach (var policy in page.Items)
                    yield return (kind.Resource.Kind, policy);
            }
        }
    }
}
