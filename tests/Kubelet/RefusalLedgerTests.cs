using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class RefusalLedgerTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_wait_before_a_recheck_doubles_from_one_second_to_sixty()
    {
        var ledger = RefusalLedger.Empty;
        var waits = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            ledger = ledger.Refuse("a", Reasons.NotReady, "a is bad", Noon);
            waits.Add((ledger.NextRecheck!.Value - Noon).TotalSeconds);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], waits);
    }

    [Fact]
    public void A_device_that_passes_every_recheck_and_fails_every_Allocate_waits_longer_each_time()
    {
        var ledger = RefusalLedger
            .Empty.Refuse("a", Reasons.NotReady, "", Noon)
            .Pass("a", Noon.AddSeconds(1))
            .Refuse("a", Reasons.NotReady, "", Noon.AddSeconds(2));

        Assert.Equal(Noon.AddSeconds(4), ledger.NextRecheck);
    }

    [Fact]
    public void A_passed_recheck_shows_the_device_and_leaves_nothing_to_recheck()
    {
        var ledger = RefusalLedger.Empty.Refuse("a", Reasons.NotReady, "", Noon).Pass("a", Noon.AddSeconds(1));

        Assert.Empty(ledger.Shown);
        Assert.Null(ledger.NextRecheck);
    }

    [Fact]
    public void Two_quiet_minutes_or_a_granted_Allocate_forget_the_count()
    {
        var passed = RefusalLedger.Empty.Refuse("a", Reasons.NotReady, "", Noon).Refuse("a", Reasons.NotReady, "", Noon).Pass("a", Noon);

        Assert.Equal(1, passed.Refuse("a", Reasons.NotReady, "", Noon.AddSeconds(121)).Entries["a"].Attempts);
        Assert.Equal(3, passed.Refuse("a", Reasons.NotReady, "", Noon.AddSeconds(119)).Entries["a"].Attempts);
        Assert.Empty(passed.Grant(["a"]).Entries);
    }
}
