using System.Collections.Immutable;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// Which resource names policies use, and which of them must not: the operator says so for the cluster, the agent refuses it on its node,
/// by the same words.
/// </summary>
/// <param name="Used">The names that count, each with the kind of device it stands for: <c>pci</c>, <c>mdev</c>, <c>vgpu</c>,
/// <c>usb</c> or <c>scsi</c>; a companion's is <c>token</c>.</param>
/// <param name="Conflicts">Why a policy is refused.</param>
/// <param name="Unlike">Why a policy is rolled out no further: its resource has other companions by an earlier one. A node that has both
/// withholds the devices of one, and gives nothing back for it.</param>
public sealed record ResourceNameClaims(
    ImmutableSortedDictionary<ResourceName, string> Used,
    ImmutableDictionary<PolicyIdentity, string> Conflicts,
    ImmutableDictionary<PolicyIdentity, string> Unlike
)
{
    private const string Token = "token";

    /// <summary>
    /// A name has one transport, and no two names may share KubeVirt's env name (contracts/kubevirt.md, 3 and 5). The later policy loses,
    /// whatever its priority: what is offered already must not go because somebody adds a policy. A companion goes with one resource, and
    /// all devices of a resource have the same ones: a VM that asks for both is given any of them.
    /// </summary>
    public static ResourceNameClaims Of(IEnumerable<DesiredPolicy> policies)
    {
        var transports = new Dictionary<ResourceName, (string Transport, PolicyIdentity Policy)>();
        var envs = new Dictionary<string, (ResourceName Name, PolicyIdentity Policy)>(StringComparer.Ordinal);
        var companions = new CompanionClaims();
        var conflicts = ImmutableDictionary.CreateBuilder<PolicyIdentity, string>();
        var unlike = ImmutableDictionary.CreateBuilder<PolicyIdentity, string>();
        foreach (var policy in EarliestFirst(policies))
        {
            if (companions.Conflict(policy) is { } conflict)
                conflicts.TryAdd(policy.Identity, conflict);
            foreach (var (name, transport) in NamesOf(policy))
            {
                var first = transports.GetValueOrDefault(name);
                var same = envs.GetValueOrDefault(name.EnvSuffix);
                if (first.Policy is not null && first.Transport != transport)
                {
                    conflicts.TryAdd(
                        policy.Identity,
                        $"{policy.Identity} uses {name} for {InWords(transport)} but {first.Policy} uses it for "
                            + $"{InWords(first.Transport)}: a resource name has one kind of device; use another name"
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

            if (conflicts.ContainsKey(policy.Identity))
                continue;
            if (companions.Unlike(policy) is { } other)
                unlike.TryAdd(policy.Identity, other);
            companions.Add(policy);
        }

        return new ResourceNameClaims(
            transports.ToImmutableSortedDictionary(t => t.Key, t => t.Value.Transport),
            conflicts.ToImmutable(),
            unlike.ToImmutable()
        );
    }

    /// <summary>In the order in which they may have a name.</summary>
    public static IEnumerable<DesiredPolicy> EarliestFirst(IEnumerable<DesiredPolicy> policies) =>
        policies.OrderBy(p => p.Identity.CreationTimestamp ?? DateTimeOffset.MaxValue).ThenBy(p => p, PolicyPrecedence.Comparer);

    /// <summary>One of them may be Auto, and come out as the other.</summary>
    private static bool AreProfiles(params ReadOnlySpan<string> transports) => !transports.ContainsAnyExcept(["mdev", "vgpu"]);

    private static string InWords(string transport) => transport == Token ? "companions" : $"{transport} devices";

    /// <summary>The names of companions that one policy uses, ordered.</summary>
    public static ImmutableArray<ResourceName> CompanionsOf(DesiredPolicy policy) =>
        policy is DesiredPolicy.OfHostDevice { Spec.Devices: var devices }
            ?
            [
                .. (devices.Group?.Members.Select(m => m.Companion) ?? [])
                    .Concat(devices.AllPci.SelectMany(p => p.Members).Select(m => m.Companion))
                    .OfType<ResourceName>()
                    .Distinct()
                    .Order(),
            ]
            : [];

    /// <summary>The names that one policy uses, those of companions last.</summary>
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
                .. CompanionsOf(p).Select(c => (c, Token)),
            ],
            DesiredPolicy.OfSriovPolicy p => p
                .Spec.Pools.Where(x => x.ResourceName is not null)
                .Select(x => (x.ResourceName!.Value, "pci"))
                .Distinct(),
            DesiredPolicy.OfMdevProfile p => [(p.Spec.ResourceName, p.Spec.Transport == MdevTransport.VendorVfio ? "vgpu" : "mdev")],
            _ => [],
        };

    /// <summary>Which companions each resource has, by the policies before.</summary>
    private sealed class CompanionClaims
    {
        private readonly Dictionary<ResourceName, (ResourceName Of, PolicyIdentity Policy)> _owners = [];
        private readonly Dictionary<ResourceName, (ImmutableArray<ResourceName> Companions, PolicyIdentity Policy)> _resources = [];

        /// <summary>Why a policy cannot have its companions; null when there is nothing against it.</summary>
        public string? Conflict(DesiredPolicy policy) =>
            (
                from resource in Firsts(policy)
                from name in CompanionsOf(policy)
                where _owners.ContainsKey(name) && _owners[name].Of != resource
                select $"{policy.Identity} has {name} as a companion of {resource} but {_owners[name].Policy} has it as a companion of "
                    + $"{_owners[name].Of}: a VM that asks for both would be told of one of them alone; use another name"
            ).FirstOrDefault();

        /// <summary>Why a policy must have other companions; null when there is nothing against it.</summary>
        public string? Unlike(DesiredPolicy policy)
        {
            var companions = CompanionsOf(policy);
            return (
                from resource in Firsts(policy)
                where _resources.ContainsKey(resource) && !_resources[resource].Companions.SequenceEqual(companions)
                select $"{policy.Identity} offers {resource} with {InWords(companions)} but {_resources[resource].Policy} offers it with "
                    + $"{InWords(_resources[resource].Companions)}: a VM that asks for companions would be given any of their devices; "
                    + "declare the same companions in both, or use another resourceName"
            ).FirstOrDefault();
        }

        public void Add(DesiredPolicy policy)
        {
            var companions = CompanionsOf(policy);
            foreach (var resource in Firsts(policy))
            {
                _resources.TryAdd(resource, (companions, policy.Identity));
                foreach (var name in companions)
                    _owners.TryAdd(name, (resource, policy.Identity));
            }
        }

        private static IEnumerable<ResourceName> Firsts(DesiredPolicy policy) =>
            NamesOf(policy).Where(n => n.Transport != Token).Select(n => n.Name);

        private static string InWords(ImmutableArray<ResourceName> companions) =>
            companions.IsEmpty ? "no companion" : string.Join(" and ", companions);
    }
}
