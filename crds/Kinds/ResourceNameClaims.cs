using System.Collections.Immutable;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// Which resource names policies use, and which of them must not: the operator says so for the cluster, the agent refuses it on its node,
/// by the same words.
/// </summary>
/// <param name="Used">The names that count, each with the kind of device it stands for: <c>pci</c>, <c>mdev</c>, <c>vgpu</c>,
/// <c>usb</c> or <c>scsi</c>.</param>
/// <param name="Conflicts">Why a policy is refused.</param>
public sealed record ResourceNameClaims(
    ImmutableSortedDictionary<ResourceName, string> Used,
    ImmutableDictionary<PolicyIdentity, string> Conflicts
)
{
    /// <summary>
    /// A name has one transport, and no two names may share KubeVirt's env name (contracts/kubevirt.md, 3 and 5). The later policy loses,
    /// whatever its priority: what is offered already must not go because somebody adds a policy.
    /// </summary>
    public static ResourceNameClaims Of(IEnumerable<DesiredPolicy> policies)
    {
        var transports = new Dictionary<ResourceName, (string Transport, PolicyIdentity Policy)>();
        var envs = new Dictionary<string, (ResourceName Name, PolicyIdentity Policy)>(StringComparer.Ordinal);
        var conflicts = ImmutableDictionary.CreateBuilder<PolicyIdentity, string>();
        foreach (var policy in EarliestFirst(policies))
        {
            foreach (var (name, transport) in NamesOf(policy))
            {
                var first = transports.GetValueOrDefault(name);
                var same = envs.GetValueOrDefault(name.EnvSuffix);
                if (first.Policy is not null && first.Transport != transport)
                {
                    conflicts.TryAdd(
                        policy.Identity,
                        $"{policy.Identity} uses {name} for {transport} devices but {first.Policy} uses it for "
                            + $"{first.Transport} devices: a resource name has one kind of device; use another name"
                            + (AreProfiles(transport, first.Transport) ? ", or the same transport in both" : "")
                    );
                }
                else if (same.Policy is not null && same.Name != name)
                {
                    conflicts.TryAdd(
                        policy.Identity,
                        $"{policy.Identity} uses {name}, which KubeVirt cannot tell from {same.Name} of {same.Policy} "
                            + $"(both become {name.EnvSuffix}): use another name"
                    );
                }
                else
                {
                    transports.TryAdd(name, (transport, policy.Identity));
                    envs.TryAdd(name.EnvSuffix, (name, policy.Identity));
                }
            }
        }

        return new ResourceNameClaims(transports.ToImmutableSortedDictionary(t => t.Key, t => t.Value.Transport), conflicts.ToImmutable());
    }

    /// <summary>In the order in which they may have a name.</summary>
    public static IEnumerable<DesiredPolicy> EarliestFirst(IEnumerable<DesiredPolicy> policies) =>
        policies.OrderBy(p => p.Identity.CreationTimestamp ?? DateTimeOffset.MaxValue).ThenBy(p => p, PolicyPrecedence.Comparer);

    /// <summary>One of them may be Auto, and come out as the other.</summary>
    private static bool AreProfiles(params ReadOnlySpan<string> transports) => !transports.ContainsAnyExcept(["mdev", "vgpu"]);

    /// <summary>The names that one policy uses.</summary>
    public static IEnumerable<(ResourceName Name, string Transport)> NamesOf(DesiredPolicy policy) =>
        policy switch
        {
            DesiredPolicy.OfHostDevice p =>
            [
                (
                    p.Spec.ResourceName,
                    p.Spec.Devices.Pci is not null || p.Spec.Devices.Group is not null ? "pci"
                    : p.Spec.Devices.Usb is not null ? "usb"
                    : "scsi"
                ),
            ],
            DesiredPolicy.OfSriovPolicy p => p
                .Spec.Pools.Where(x => x.ResourceName is not null)
                .Select(x => (x.ResourceName!.Value, "pci"))
                .Distinct(),
            DesiredPolicy.OfMdevProfile p => [(p.Spec.ResourceName, p.Spec.Transport == MdevTransport.VendorVfio ? "vgpu" : "mdev")],
            _ => [],
        };
}
