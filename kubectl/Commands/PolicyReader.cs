using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Commands;

/// <summary>The policies of all kinds.</summary>
internal static class PolicyReader
{
    public static ImmutableArray<KubeKind<PolicyObject>> Kinds { get; } =
    [HostdevKinds.HostDevices, HostdevKinds.SriovPolicies, HostdevKinds.MdevProfiles];

    /// <summary>Kind by kind, each in the order of names; objects of a list do not say their kind.</summary>
    public static async IAsyncEnumerable<(string Kind, PolicyObject Policy)> ReadAsync(
        KubeClient client,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        foreach (var kind in Kinds)
        {
            await foreach (var page in client.ListPagesAsync(kind, Selection.Everything, cancellationToken).ConfigureAwait(false))
            {
                foreach (var policy in page.Items)
                    yield return (kind.Resource.Kind, policy);
            }
        }
    }
}
