using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;
using PolicyWish = Hostdev.Planning.Wish;

namespace Hostdev.Tests.Planning;

/// <summary>Planning goes in phases that hand values on (docs/adr/0021).</summary>
public sealed class PhaseTests
{
    private static readonly Type[] MutableCollections =
    [
        typeof(List<>),
        typeof(Dictionary<,>),
        typeof(HashSet<>),
        typeof(SortedDictionary<,>),
    ];

    [Fact]
    public void Nothing_that_a_phase_is_given_or_gives_can_be_changed()
    {
        var types = typeof(Planner)
            .Assembly.GetTypes()
            .Where(t => t.Namespace?.StartsWith(typeof(Planner).Namespace!, StringComparison.Ordinal) == true)
            .Where(t => !t.IsDefined(typeof(CompilerGeneratedAttribute)) && !t.IsEnum)
            .ToList();
        const BindingFlags all = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

        Assert.Contains(typeof(Targets), types);
        Assert.Empty(
            types
                .SelectMany(t => t.GetProperties(all))
                .Where(p => p.SetMethod is { } set && !set.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)))
                .Select(p => $"{p.DeclaringType!.Name}.{p.Name} can be set")
        );
        Assert.Empty(
            types
                .SelectMany(t => t.GetFields(all))
                .Where(f => f.FieldType.IsGenericType && MutableCollections.Contains(f.FieldType.GetGenericTypeDefinition()))
                .Select(f => $"{f.DeclaringType!.Name} keeps a {f.FieldType.Name} ({f.Name})")
        );
    }

    [Fact]
    public void The_first_policy_has_what_goes_with_what_it_claims_and_what_depends_on_a_refused_wish_is_not_decided_over()
    {
        HostInventory machine = new Machine().PhysicalFunction(vfs: 2);
        var ofVf = Wish("HostDevice", "first", "0000:41:10.0", claims: ["0000:41:10.0"]);
        var ofPf = Wish("SriovPolicy", "second", "0000:41:00.0", claims: ["0000:41:00.0"]) with
        {
            Then = [Wish("SriovPolicy", "second", "0000:41:10.2", claims: ["0000:41:10.2"])],
        };

        var decisions = Decide(machine, ofVf, ofPf);

        Assert.Equal([("0000:41:10.0", true), ("0000:41:00.0", false)], decisions.Select(d => (d.Wish.Device.ToString(), d.IsGranted)));
        Assert.Equal(
            "0000:41:00.0 is already claimed by HostDevice/first, which has precedence: narrow the selectors of one of the two, or raise "
                + "priority here",
            Assert.Single(decisions[1].Findings).Message
        );

        decisions = Decide(machine, ofPf, ofVf);
        Assert.Equal(
            [("0000:41:00.0", true), ("0000:41:10.2", true), ("0000:41:10.0", false)],
            decisions.Select(d => (d.Wish.Device.ToString(), d.IsGranted))
        );
    }

    [Fact]
    public void A_refused_wish_claims_nothing_and_what_it_names_is_known_all_the_same()
    {
        HostInventory machine = new Machine().Gpu();
        var gpu = DeviceId.Parse("0000:43:00.0");
        var refused = Wish("HostDevice", "first", "0000:43:00.0", claims: ["0000:43:00.0"]) with
        {
            Ruling = new Ruling([], Objection.Of(Reasons.NoIommu, "no IOMMU"), AsksWhoUses: false),
            Named = ImmutableDictionary<DeviceId, DeviceId>.Empty.Add(gpu, gpu),
        };

        var decisions = Decide(machine, refused, Wish("HostDevice", "second", "0000:43:00.0", ["0000:43:00.0"]));

        Assert.Equal([false, true], decisions.Select(d => d.IsGranted));
        Assert.Equal([gpu], Targets.Of(decisions).Named.Keys);
    }

    private static ImmutableArray<Decision> Decide(HostInventory machine, params ReadOnlySpan<PolicyWish> wishes) =>
        Claims.Decide(DeviceGraph.Of(machine), [.. wishes.ToArray().Select(w => new PolicyWishes { Wishes = [w] })]);

    private static PolicyWish Wish(string kind, string policy, string device, string[] claims) =>
        new()
        {
            Policy = Given.Identity(kind, policy),
            Device = DeviceId.Parse(device),
            Ruling = Ruling.Nothing,
            Claims = [.. claims.Select(DeviceId.Parse)],
        };
}
