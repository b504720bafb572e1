using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning;

/// <summary>Who gets what, where two policies wish for devices that go with each other: the first one.</summary>
internal static class Claims
{
    /// <summary>
    /// Decides over wishes in their order; over what depends on one right after it, where it is granted. What a policy wishes to have in
    /// groups is put together of what is nobody's by then.
    /// </summary>
    public static ImmutableArray<Decision> Decide(DeviceGraph graph, IEnumerable<PolicyWishes> policies)
    {
        var decisions = ImmutableArray.CreateBuilder<Decision>();
        var claimed = new Dictionary<DeviceId, PolicyIdentity>();
        var stoodOn = new Dictionary<DeviceId, HashSet<PolicyIdentity>>();
        foreach (var policy in policies)
        {
            foreach (var wish in policy.Wishes)
                DecideOver(wish);
            foreach (var wish in policy.Together?.Compose(w => FirstOf(w) is null) ?? [])
                DecideOver(wish);
        }

        return decisions.ToImmutable();

        void DecideOver(Wish wish)
        {
            var decision = new Decision(wish, wish.Ruling.Refuses ? null : FirstOf(wish));
            decisions.Add(decision);
            if (!decision.IsGranted)
                return;
            foreach (var device in wish.Claims)
                claimed.TryAdd(device, wish.Policy);
            foreach (var device in wish.StandsOn)
                Policies(device).Add(wish.Policy);
            foreach (var next in wish.Then)
                DecideOver(next);
        }

        // What a wish stands on others may stand on too, and have what is theirs above it: it must be nobody's, with all that it goes with.
        PolicyIdentity? FirstOf(Wish wish)
        {
            var ground = wish.StandsOn.SelectMany(graph.Above).ToHashSet();
            return wish.Claims.SelectMany(graph.Kin)
                    .Concat(ground)
                    .Select(d => claimed.GetValueOrDefault(d))
                    .FirstOrDefault(p => p is not null && p != wish.Policy)
                ?? wish.Claims.SelectMany(graph.Kin)
                    .Where(d => !ground.Contains(d))
                    .SelectMany(d => stoodOn.GetValueOrDefault(d) ?? [])
                    .FirstOrDefault(p => p != wish.Policy);
        }

        HashSet<PolicyIdentity> Policies(DeviceId device) =>
            stoodOn.TryGetValue(device, out var policies) ? policies : stoodOn[device] = [];
    }
}
