using System.Collections.Immutable;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class AdvertisedListPolicyTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly AdvertisedListPolicy Policy = AdvertisedListPolicy.Default;

    /// <summary>An ID that nothing wants, Unhealthy since noon, and a reading of a minute and a half later that does not show it.</summary>
    private static readonly AdvertisedListFacts Free = new()
    {
        Sent = [new SentDevice(Device("a", healthy: false), Noon)],
        LookedAt = Noon.AddSeconds(90),
    };

    [Fact]
    public void An_ID_that_nothing_wants_is_listed_Unhealthy_first()
    {
        var list = Policy.Next(Free with { Sent = [new SentDevice(Device("a"), null)] });

        Assert.Equal([Device("a", healthy: false)], list.Devices);
        Assert.Equal(["a"], list.Leaving);
    }

    [Fact]
    public void An_ID_leaves_when_it_was_Unhealthy_and_a_later_reading_shows_no_holder() => Assert.Empty(Policy.Next(Free).Devices);

    [Fact]
    public void An_ID_stays_while_there_was_no_reading_of_the_holders() =>
        Assert.Single(Policy.Next(Free with { LookedAt = null }).Devices);

    [Fact]
    public void An_ID_stays_while_the_reading_is_from_before_it_settled() =>
        Assert.Single(Policy.Next(Free with { LookedAt = Noon.AddSeconds(9) }).Devices);

    [Fact]
    public void An_ID_stays_while_it_is_held() => Assert.Single(Policy.Next(Free with { Held = ["a"] }).Devices);

    [Fact]
    public void An_ID_stays_while_an_Allocate_names_it() => Assert.Single(Policy.Next(Free with { BeingAnswered = ["a"] }).Devices);

    [Fact]
    public void A_held_ID_is_listed_though_nothing_offers_it_and_it_was_never_sent() =>
        Assert.Equal([new AdvertisedDevice("gone", false, null)], Policy.Next(new AdvertisedListFacts { Held = ["gone"] }).Devices);

    [Fact]
    public void A_refused_ID_is_Unhealthy_and_others_are_as_the_inventory_says()
    {
        var list = Policy.Next(
            new AdvertisedListFacts { Wanted = [Device("b"), Device("a"), Device("c", healthy: false)], Refused = ["b"] }
        );

        Assert.Equal([Device("a"), Device("b", healthy: false), Device("c", healthy: false)], list.Devices);
        Assert.Empty(list.Leaving);
    }

    [Fact]
    public void An_ID_that_comes_back_before_it_left_is_as_the_inventory_says() =>
        Assert.Equal([Device("a")], Policy.Next(Free with { Wanted = [Device("a")], LookedAt = null }).Devices);

    [Fact]
    public void A_list_that_would_be_too_large_leaves_out_what_was_never_sent()
    {
        var wanted = Enumerable.Range(0, 100_000).Select(i => Device($"0000:{i:x5}")).ToImmutableArray();

        var list = Policy.Next(new AdvertisedListFacts { Wanted = wanted, Sent = [new SentDevice(wanted[^1], null)] });

        Assert.Contains(wanted[^1], list.Devices);
        Assert.Equal(wanted.Length, list.Devices.Length + list.LeftOut.Length);
        Assert.NotEmpty(list.LeftOut);
    }

    [Fact]
    public void The_time_since_an_ID_is_Unhealthy_is_kept_until_it_is_Healthy_again()
    {
        var first = AdvertisedListPolicy.AfterSending([Device("a", healthy: false)], [], Noon);
        var second = AdvertisedListPolicy.AfterSending([Device("a", healthy: false)], first, Noon.AddSeconds(5));
        var third = AdvertisedListPolicy.AfterSending([Device("a")], second, Noon.AddSeconds(6));

        Assert.Equal(Noon, second.Single().UnhealthySince);
        Assert.Null(third.Single().UnhealthySince);
    }

    private static AdvertisedDevice Device(string id, bool healthy = true) => new(id, healthy, 1);
}
