using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Pci;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>A card that came up with fewer lanes than before works, slower: nobody notices but by what it showed before.</summary>
public sealed class KnownLinkTests
{
    private const string Card = "0000:43:00.0";
    private static readonly ImmutableSortedDictionary<DeviceId, KnownLink> s_none = ImmutableSortedDictionary<DeviceId, KnownLink>.Empty;

    [Theory]
    [InlineData(16, 8, "has a PCIe link of x8, and had x16 before")]
    [InlineData(16, 1, "has a PCIe link of x1, and had x16 before")]
    [InlineData(16, 16, null)]
    [InlineData(8, 16, null)]
    [InlineData(null, 8, null)] // at first sight: perhaps the slot has no more
    [InlineData(16, null, null)] // the link is down, or it does not answer: another finding's matter
    public void Fewer_lanes_than_before_are_noticed_and_nothing_else_is(int? before, int? now, string? said)
    {
        var machine = With(now).Audio(driver: "vfio-pci").Change("0000:43:00.1", f => f with { LinkWidth = now });
        var known = before is null ? s_none : KnownLink.After(s_none, With(before));
        var all = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings });
        var plan = (Given.Input(machine, all) with { Links = known }).Plan();

        var finding = plan.Findings.SingleOrDefault(f => f.Reason == Reasons.LinkNarrower);
        var message =
            $"{Card} {said}: it is given out, and is slower. Reseat the card, exchange its riser or cable, and look at the slot's width "
            + "(bifurcation) in the firmware; where it is meant to be so, remove links.json from the agent's state directory, and restart "
            + "the agent";
        Assert.Equal(
            said is null ? null : $"Noticed {Card}: {message}",
            finding is null ? null : $"{finding.State} {finding.Device}: {finding.Message}"
        );
        Assert.Null(Assert.Single(plan.Units).Fault); // it stays in service
    }

    [Fact]
    public void What_is_known_is_the_widest_that_was_shown_by_the_card_that_is_there()
    {
        var known = KnownLink.After(s_none, With(8));
        known = KnownLink.After(known, With(16));
        Assert.Equal(new KnownLink("10de:2204", 16), Assert.Single(known).Value);
        Assert.Same(known, KnownLink.After(known, With(8)));
        Assert.Same(known, KnownLink.After(known, With(null)));
        Assert.Same(known, KnownLink.After(known, new Machine())); // it is out for a while
        var other = With(8).Change(Card, f => f with { Device = PciId.Parse("1111") });
        Assert.Equal(new KnownLink("10de:1111", 8), Assert.Single(KnownLink.After(known, other)).Value);
    }

    [Fact]
    public void Virtual_functions_are_slow_with_their_physical_function_which_is_said_once()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2, vfDriver: "vfio-pci").Change("0000:41:00.0", f => f with { LinkWidth = 8 });
        var input = Given.Input(machine, Given.Sriov(2)) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", asked: 2, made: 2),
            Links = s_none.Add(PciAddress.Parse("0000:41:00.0"), new KnownLink("8086:10c9", 16)),
        };
        Assert.Equal("0000:41:00.0", Assert.Single(input.Plan().Findings, f => f.Reason == Reasons.LinkNarrower).Device);
    }

    private static Machine With(int? lanes) =>
        new Machine().Gpu(driver: "vfio-pci", flr: true).Change(Card, f => f with { LinkWidth = lanes });
}
