using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>When a name is given up to another plugin, and when it is tried again.</summary>
public sealed class NameContestTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly KubeletTimings Timings = new();

    [Fact]
    public void Five_losses_within_five_minutes_give_it_up_for_ten_minutes()
    {
        var contest = NameContest.None;
        for (var lost = 1; lost <= 4; lost++)
            contest = Observe(contest, lost, lost);

        Assert.Null(contest.Until);
        Assert.Equal(Noon.AddMinutes(14.9), Observe(contest, 5, 4.9).Until);
    }

    [Fact]
    public void Losses_that_lie_further_apart_are_a_kubelet_s_own_matter()
    {
        var contest = NameContest.None;
        for (var lost = 1; lost <= 20; lost++)
            contest = Observe(contest, lost, lost * 2);

        Assert.Null(contest.Until);
    }

    [Fact]
    public void It_is_tried_again_after_its_time_and_given_up_for_twice_as_long_then_up_to_two_hours()
    {
        var contest = NameContest.None;
        var (lost, minute) = (0, 0.0);
        var waits = new List<double>();
        for (var round = 0; round < 6; round++)
        {
            for (var i = 0; i < 5; i++)
                contest = Observe(contest, ++lost, minute);
            waits.Add((contest.Until!.Value - Noon).TotalMinutes - minute);
            Assert.NotNull(Observe(contest, lost, minute + waits[^1] - 0.1).Until);
            minute += waits[^1];
            contest = Observe(contest, lost, minute);
            Assert.Null(contest.Until);
        }

        Assert.Equal([10, 20, 40, 80, 120, 120], waits);
    }

    [Fact]
    public void It_is_tried_again_at_once_when_another_plugin_s_socket_goes()
    {
        var contest = Observe(NameContest.None, 5, 0, "other.sock");

        Assert.NotNull(Observe(contest, 5, 1, "other.sock").Until);
        Assert.Null(Observe(contest, 5, 1).Until);
    }

    [Fact]
    public void A_list_of_another_s_counts_as_a_loss()
    {
        var contest = Observe(NameContest.None, 4, 0).Displaced(() => ["other.sock"], Noon.AddMinutes(1), Timings);

        Assert.Equal((5, Noon.AddMinutes(11)), (contest.Losses.Length, contest.Until));
    }

    [Fact]
    public void Nothing_new_is_the_same_contest()
    {
        var contest = Observe(NameContest.None, 2, 0);

        Assert.Same(contest, Observe(contest, 2, 1));
    }

    private static NameContest Observe(NameContest contest, int lost, double minute, params string[] others) =>
        contest.Observe(lost, () => [.. others], Noon.AddMinutes(minute), Timings);
}
