using Hostdev.DevicePlugin.Advertising;
using Xunit;

namespace Hostdev.Tests.Advertising;

public sealed class AllocationLedgerTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly ReleaseProof Proof = new();
    private static readonly PodUse Seen = new("example.com/gpu", "a", "default/vm");
    private static readonly AllocationLedger Given = AllocationLedger.Empty.Record(Answer("a"));

    [Fact]
    public void An_answer_is_seen_when_the_kubelet_lists_its_pod()
    {
        var entry = After(Given, 1, Seen).ById["a"];

        Assert.Equal(("default/vm", null), (entry.Pod, entry.AbsentSince));
    }

    [Fact]
    public void One_list_that_lacks_it_never_releases_it()
    {
        var ledger = After(After(Given, 1, Seen), 1000);

        Assert.Equal(Noon.AddSeconds(1000), ledger.ById["a"].AbsentSince);
    }

    [Fact]
    public void Two_lists_ten_seconds_apart_that_lack_it_release_it()
    {
        var absent = After(After(Given, 1, Seen), 100);

        Assert.Single(After(absent, 109).ById);
        Assert.Empty(After(absent, 110).ById);
    }

    [Fact]
    public void A_list_that_shows_it_again_starts_the_proof_anew()
    {
        var ledger = After(After(After(After(Given, 1, Seen), 100), 105, Seen), 120);

        Assert.Equal(Noon.AddSeconds(120), ledger.ById["a"].AbsentSince);
    }

    [Fact]
    public void An_answer_that_was_never_seen_has_a_minute_to_show()
    {
        Assert.Null(After(Given, 59).ById["a"].AbsentSince);
        Assert.Empty(After(After(Given, 60), 70).ById);
        Assert.Single(After(After(Given, 60), 69).ById);
    }

    [Fact]
    public void A_device_that_is_given_out_again_starts_afresh()
    {
        var again = After(After(Given, 1, Seen), 100).Record(Answer("a") with { AnsweredAt = Noon.AddSeconds(105) });

        Assert.Equal((null, null), (again.ById["a"].Pod, again.ById["a"].AbsentSince));
        Assert.Single(After(After(again, 120), 140).ById);
    }

    [Fact]
    public void A_device_in_use_that_we_know_nothing_of_is_learned_when_it_is_ours()
    {
        var learned = AllocationLedger.Empty.Observe([Seen, Seen with { Id = "foreign" }], Noon, Proof, u => u.Id == "a" ? Answer("a") : null);

        Assert.Equal("default/vm", Assert.Single(learned.ById).Value.Pod);
    }

    [Fact]
    public void The_same_ID_under_another_plugin_s_name_is_not_ours()
    {
        var foreign = Seen with { Resource = "other.com/vf", Pod = "kube-system/other" };
        var ledger = After(After(Given, 1, Seen), 100, foreign);

        Assert.Equal(("default/vm", Noon.AddSeconds(100)), (ledger.ById["a"].Pod, ledger.ById["a"].AbsentSince));
        Assert.Empty(After(ledger, 110, foreign).ById);
    }

    [Fact]
    public void Devices_are_released_one_by_one()
    {
        var both = After(Given.Record(Answer("b")), 1, Seen, Seen with { Id = "b" });

        Assert.Equal(["b"], After(After(both, 100, Seen with { Id = "b" }), 110, Seen with { Id = "b" }).ById.Keys);
    }

    private static AllocationLedger After(AllocationLedger ledger, double seconds, params PodUse[] listed) => ledger.Observe(listed, Noon.AddSeconds(seconds), Proof, _ => null);

    private static Allocation Answer(string id) => new() { Id = id, Resource = "example.com/gpu", Functions = ["0000:43:00.0"], Nodes = ["/dev/vfio/12=243:0"], AnsweredAt = Noon };
}
