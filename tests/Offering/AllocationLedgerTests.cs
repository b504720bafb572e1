using System.Collections.Frozen;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>A device is let go only when every proof of the contract holds; which one is lacking is said.</summary>
public sealed class AllocationLedgerTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly ReleaseProof Proof = new();
    private static readonly PodUse Seen = new("example.com/gpu", "a", "default/vm");
    private static readonly AllocationLedger Given = AllocationLedger.Empty.Record(Answer("a"));
    private static readonly CheckpointReading Forgotten = new CheckpointReading.Read(
        "/k/checkpoint",
        FrozenDictionary<(string, string), string>.Empty
    );
    private static readonly CheckpointReading Named = new CheckpointReading.Read(
        "/k/checkpoint",
        new Dictionary<(string, string), string>
        {
            [("example.com/gpu", "a")] = "container compute of the pod with UID 4711",
        }.ToFrozenDictionary()
    );

    [Fact]
    public void An_answer_is_seen_when_the_kubelet_lists_its_pod()
    {
        var entry = After(Given, 1, Seen).ById["a"];

        Assert.Equal(("default/vm", null, null), (entry.Pod, entry.AbsentSince, entry.Lacks));
    }

    /// <summary>After a boot the kubelet may show what it does not let us take up again, as its checkpoint cannot be read.</summary>
    [Fact]
    public void What_is_shown_again_while_its_answer_of_before_the_boot_stands_is_told_once()
    {
        const string id = "0000:43:00.0";
        var answer = Answer(id) with { Functions = [DeviceId.Parse(id)] };
        var ledger = AllocationLedger.Empty.Record(answer with { Functions = [DeviceId.Parse(id), DeviceId.Parse("0000:43:00.1")] }) with
        {
            Earlier = AllocationLedger.Empty.Record(answer).ById,
        };

        Assert.Equal([DeviceId.Parse(id), DeviceId.Parse("0000:43:00.1")], Assert.Single(ledger.GivenDevices).Value);
    }

    [Fact]
    public void One_list_that_lacks_it_never_releases_it()
    {
        var entry = After(After(Given, 1, Seen), 1000).ById["a"];

        Assert.Equal(
            (Noon.AddSeconds(1000), "the kubelet's list lacks it; a list at least 10 s later must lack it too"),
            (entry.AbsentSince, entry.Lacks)
        );
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_that_was_answered_in_the_last_minute_is_released_whether_its_pod_was_seen_or_not(bool seen)
    {
        var absent = After(seen ? After(Given, 1, Seen) : Given, 40);

        Assert.Equal(
            "the kubelet's list lacks it, which proves nothing in the first 60 s after it was given out or this agent was started",
            After(absent, 59).ById["a"].Lacks
        );
        Assert.Empty(After(absent, 60).ById);
    }

    [Fact]
    public void A_list_that_need_not_be_whole_is_no_list_that_lacks_it_and_starts_the_proof_anew()
    {
        var absent = After(After(Given, 1, Seen), 100);
        var doubted = Look(
            absent,
            110,
            new PodUseReading.Listed
            {
                Devices = [],
                Doubt = "the kubelet is young",
                Checkpoint = Forgotten,
            }
        );

        Assert.Equal((null, "the kubelet is young"), (doubted.ById["a"].AbsentSince, doubted.ById["a"].Lacks));
        Assert.Single(After(After(doubted, 111), 120).ById);
        Assert.Empty(After(After(doubted, 111), 121).ById);
    }

    [Fact]
    public void A_list_that_need_not_be_whole_still_proves_use()
    {
        var ledger = Look(
            Given,
            100,
            new PodUseReading.Listed
            {
                Devices = [Seen],
                Doubt = "the kubelet is young",
                Checkpoint = Forgotten,
            }
        );

        Assert.Equal(("default/vm", null), (ledger.ById["a"].Pod, ledger.ById["a"].Lacks));
    }

    [Fact]
    public void A_kubelet_that_cannot_be_asked_starts_the_proof_anew_and_says_so_of_what_was_missing_only()
    {
        var both = After(Given.Record(Answer("b")), 100, Seen with { Id = "b" });
        var ledger = Look(both, 110, new PodUseReading.Unreadable("the socket is gone"));

        Assert.Equal((null, "the socket is gone"), (ledger.ById["a"].AbsentSince, ledger.ById["a"].Lacks));
        Assert.Null(ledger.ById["b"].Lacks);
    }

    [Fact]
    public void What_a_process_holds_open_is_kept_though_the_kubelet_knows_its_pod_no_more()
    {
        var absent = After(After(Given, 1, Seen), 100);

        Assert.Equal(
            "the kubelet's list lacks it, but qemu has it",
            Look(absent, 1000, Listing(Forgotten), a => a.Id == "a" ? "qemu has it" : null).ById["a"].Lacks
        );
    }

    [Fact]
    public void What_the_kubelet_s_checkpoint_names_is_kept()
    {
        var absent = After(After(Given, 1, Seen), 100);

        Assert.Equal(
            "the kubelet's list lacks it, but /k/checkpoint still names it for container compute of the pod with UID 4711",
            Look(absent, 1000, Listing(Named)).ById["a"].Lacks
        );
        Assert.Equal("it is unreadable", Look(absent, 1000, Listing(new CheckpointReading.Unreadable("it is unreadable"))).ById["a"].Lacks);
        Assert.Empty(Look(absent, 1000, Listing(Forgotten)).ById);
    }

    [Fact]
    public void A_restart_of_the_agent_starts_every_proof_anew()
    {
        var reopened = After(After(Given, 1, Seen), 1000).Reopened(Noon.AddSeconds(1005));

        Assert.Single(After(After(reopened, 1010), 1064).ById);
        Assert.Empty(After(After(reopened, 1010), 1065).ById);
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
        var learned = AllocationLedger.Empty.Observe(
            Listing(Forgotten, Seen, Seen with { Id = "foreign" }),
            Noon,
            Proof,
            u => u.Id == "a" ? Answer("a") : null,
            _ => null
        );

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

    private static PodUseReading.Listed Listing(CheckpointReading checkpoint, params PodUse[] listed) =>
        new()
        {
            Devices = [.. listed],
            Doubt = null,
            Checkpoint = checkpoint,
        };

    private static AllocationLedger After(AllocationLedger ledger, double seconds, params PodUse[] listed) =>
        Look(ledger, seconds, Listing(Forgotten, listed));

    private static AllocationLedger Look(
        AllocationLedger ledger,
        double seconds,
        PodUseReading reading,
        Func<Allocation, string?>? holder = null
    ) => ledger.Observe(reading, Noon.AddSeconds(seconds), Proof, _ => null, holder ?? (_ => null));

    private static Allocation Answer(string id) =>
        new()
        {
            Id = id,
            Resource = "example.com/gpu",
            Functions = [PciAddress.Parse("0000:43:00.0")],
            Nodes = [new AnsweredNode("/dev/vfio/12", "243:0")],
            AnsweredAt = Noon,
        };
}
