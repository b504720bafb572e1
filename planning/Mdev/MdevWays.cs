using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning.Mdev;

/// <param name="Policy">The profile that decides it.</param>
internal sealed record MdevWay(bool IsVendorVfio, PolicyIdentity Policy);

/// <summary>
/// By which way the devices of a resource name are made on this host. KubeVirt is told of a mediated device and of a virtual function by
/// different names (contracts/kubevirt.md, 5), so a name has one of them; and with <c>transport: Auto</c> only the host's cards say which.
/// The earliest profile that means a card decides, as it does with kinds of devices (<see cref="ResourceNameClaims"/>): what is offered
/// must not go because somebody adds a policy. Of its own cards those on the mdev bus go first.
/// </summary>
internal sealed record MdevWays(ImmutableDictionary<ResourceName, MdevWay> ByName)
{
    public static MdevWays Of(Situation situation)
    {
        var ways = ImmutableDictionary.CreateBuilder<ResourceName, MdevWay>();
        var policies = situation.Input.Policies.Where(p => !situation.Names.Conflicts.ContainsKey(p.Identity)).Select(p => p.InForce);
        foreach (var profile in ResourceNameClaims.EarliestFirst(policies).OfType<DesiredPolicy.OfMdevProfile>())
        {
            if (ways.ContainsKey(profile.Spec.ResourceName))
                continue;
            var cards = MdevCard.MeantBy(situation, profile.Spec).Where(c => c.IsBy(profile.Spec.Transport)).ToList();
            if (cards.Count > 0)
                ways.Add(profile.Spec.ResourceName, new MdevWay(cards.TrueForAll(c => c.IsVendorVfio), profile.Identity));
        }

        return new MdevWays(ways.ToImmutable());
    }
}
