using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>Who has what, and who is just getting it: whoever comes first has it, the others are told so.</summary>
public sealed class HoldingsTests
{
    private const string Id = "0000:43:00.0";
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly ResourceName Gpu = ResourceName.Parse("example.com/gpu");
    private static readonly Unit Unit = Units.Of(Id, "0000:43:00.1");
    private static readonly ImmutableArray<DeviceId> Audio = [DeviceId.Parse("0000:43:00.1")];
    private static readonly Allocation Given = new()
    {
        Id = Id,
        Resource = Gpu.Value,
        Functions = Unit.Claims,
        Nodes = [new AnsweredNode("/dev/vfio/17", "240:1")],
        AnsweredAt = Noon,
    };

    private readonly List<AllocationLedger> _kept = [];
    private readonly Holdings _holdings;

    public HoldingsTests() => _holdings = new Holdings(keep: _kept.Add);

    [Fact]
    public void What_is_being_given_out_is_neither_given_out_again_nor_closed_until_the_answer_is_ended()
    {
        var answer = Begin(Unit);

        Assert.Null(_holdings.TryBeginAnswer(Gpu, [Unit], out var refusal));
        Assert.Equal((Reasons.InFlight, Id), (refusal!.Reason, Assert.Single(refusal.DeviceIds)));
        Assert.Equal($"{Id} of example.com/gpu is being given to another container this moment", refusal.Message);
        Assert.Equal([$"{Id} is being given to a pod this moment"], _holdings.TryClose(Audio));
        Assert.Equal([Id], _holdings.BeingAnswered(Gpu));

        answer.Dispose();
        Assert.Empty(_holdings.BeingAnswered(Gpu));
        Assert.Empty(_holdings.TryClose(Audio));
    }

    [Fact]
    public void A_part_of_what_somebody_has_is_given_to_nobody_with_another_device()
    {
        _holdings.Record([Given]);
        var other = Units.Of("0000:46:00.0", "0000:43:00.1"); // a device group that was put together anew meanwhile

        Assert.Null(_holdings.TryBeginAnswer(Gpu, [other], out var refusal));
        Assert.Equal(Reasons.StillHeld, refusal!.Reason);
        Assert.Equal(
            "0000:46:00.0 of example.com/gpu cannot be given out: a pod still has 0000:43:00.1 with 0000:43:00.0: it can be given out "
                + "when that pod is gone",
            refusal.Message
        );
    }

    [Fact]
    public void A_part_of_what_is_being_given_out_is_given_to_nobody_with_another_device()
    {
        using var answer = Begin(Unit);
        Assert.Null(_holdings.TryBeginAnswer(Gpu, [Units.Of("0000:46:00.0", "0000:43:00.1")], out var refusal));
        Assert.Equal(Reasons.InFlight, refusal!.Reason);
    }

    [Fact]
    public void What_is_closed_is_given_to_nobody_until_it_was_opened_as_often()
    {
        Assert.Empty(_holdings.TryClose(Audio));
        Assert.Empty(_holdings.TryClose(Audio));
        _holdings.Open(Audio);

        Assert.Null(_holdings.TryBeginAnswer(Gpu, [Unit], out var refusal));
        Assert.Equal((Reasons.Changing, $"{Id} of example.com/gpu is being reconfigured right now"), (refusal!.Reason, refusal.Message));
        _holdings.Open(Audio);
        Begin(Unit).Dispose();
    }

    [Fact]
    public void A_call_that_the_kubelet_waits_for_keeps_its_IDs_listed_and_keeps_nobody_from_answering_it()
    {
        using var first = _holdings.BeginCall(Gpu, [Id]);
        var second = _holdings.BeginCall(Gpu, [Id]);
        second.Dispose();

        Assert.Equal([Id], _holdings.BeingAnswered(Gpu));
        Assert.Empty(_holdings.BeingAnswered(ResourceName.Parse("example.com/other")));
        Begin(Unit).Dispose();
    }

    [Fact]
    public void What_was_given_out_is_held_from_the_answer_on_and_said_by_everybody_who_asks()
    {
        _holdings.Record([Given]);

        Assert.Equal([Id], _holdings.HeldOf(Gpu));
        Assert.Equal([Gpu], _holdings.Resources);
        Assert.Equal([$"{Id} was just given to a pod"], _holdings.TryClose(Audio));
        Assert.Equal(UserKind.Pod, Assert.Single(_holdings.HoldersOf(Audio[0])).Kind);
        var other = Unit with { Resource = ResourceName.Parse("example.com/other") };
        Assert.Null(_holdings.TryBeginAnswer(other.Resource, [other], out var refusal));
        Assert.Equal(
            $"{Id} of example.com/other cannot be given out: a pod still has {Id} as example.com/gpu: it can be given out when that "
                + "pod is gone",
            refusal!.Message
        );
    }

    [Fact]
    public void What_cannot_be_kept_was_not_given_out()
    {
        var holdings = new Holdings(keep: _ => throw new IOException("no space left"));

        Assert.Throws<IOException>(() => holdings.Record([Given]));

        Assert.Empty(holdings.HeldOf(Gpu));
        Assert.Empty(holdings.TryClose(Audio));
    }

    [Fact]
    public void A_look_is_kept_only_when_it_says_something_new_and_counts_from_when_it_began()
    {
        _holdings.Record([Given]);
        Assert.Null(_holdings.LookedAt);

        _holdings.Look(l => l.Record(Given with { }), Noon);
        Assert.Equal((1, Noon), (_kept.Count, _holdings.LookedAt));

        _holdings.Look(_ => AllocationLedger.Empty, asOf: null);
        Assert.Equal((2, Noon), (_kept.Count, _holdings.LookedAt));
        Assert.Empty(_holdings.HeldOf(Gpu));
    }

    [Fact]
    public void Nothing_that_an_answer_may_not_meet_is_done_while_one_is_made()
    {
        var done = 0;
        using (Begin(Unit))
            Assert.False(_holdings.WhileNobodyIsAnswered(_ => done++));

        Assert.Equal(0, done);
        Assert.True(_holdings.WhileNobodyIsAnswered(_ => done++));
        Assert.Equal(1, done);
    }

    private Holdings.Answer Begin(Unit unit)
    {
        var answer = _holdings.TryBeginAnswer(unit.Resource, [unit], out var refusal);
        Assert.Null(refusal);
        return answer!;
    }
}
