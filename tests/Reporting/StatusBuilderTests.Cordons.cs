using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Planning;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>What an admin keeps back is as it is meant to be: counted, named, and no problem.</summary>
public sealed partial class StatusBuilderTests
{
    private static readonly DesiredCordon.OfDevice s_fans = new(DeviceId.Parse("0000:43:00.0"), "fans", "ann");

    /// <param name="driver">Of the second.</param>
    private static Machine Two(string driver) =>
        new Machine()
            .Gpu(driver: "vfio-pci")
            .Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" })
            .Gpu("0000:44:00.0", 13, driver);

    [Fact]
    public void A_cordoned_device_leaves_its_policy_Ready_and_is_counted_and_named()
    {
        var machine = Two("vfio-pci");
        var status = Status(Given.Input(machine, Given.HostDevice()) with { Cordons = [s_fans] });
        var policy = Assert.Single(status.Policies);

        Assert.Equal(
            (Reasons.Ready, "1 device offered, and 1 cordoned by an admin", 2, 1, 0),
            (policy.Reason, policy.Message, policy.Matched, policy.Ready, policy.Blocked)
        );
        Assert.Equal(new ResourceStatus("example.com/gpus", 2, 1, true, null), Assert.Single(status.Resources));
        Assert.Equal(new StatusCounts(Devices: 2, Offered: 1, Allocated: 0, Problems: 0), status.Counts);
        const string words =
            "0000:43:00.0 is given to no pod, and stays with one that has it: it is cordoned by ann: fans. kubectl hostdev uncordon NODE "
            + "0000:43:00.0 ends it";
        var cordon = Assert.Single(status.Cordons!.Value);
        Assert.Equal(
            ("0000:43:00.0", FindingState.Noticed, Reasons.CordonedByAdmin, words),
            (cordon.Device, cordon.State, cordon.Reason, cordon.Message)
        );
        Assert.Equal(cordon, Assert.Single(policy.Problems, p => p.Reason == Reasons.CordonedByAdmin));
        Assert.Equal($"Not offered as example.com/gpus: {words}", status.Devices[0].State);
        Condition(status, "Ready", "True", "AsDesired", "every policy is fulfilled");
        Condition(status, "Degraded", "False", "AsDesired", "");
        Assert.Null(Status(Given.Input(machine, Given.HostDevice())).Cordons);
    }

    /// <summary>Whether it is ready matters to nobody while it is kept back.</summary>
    [Fact]
    public void A_cordoned_device_that_is_not_ready_is_waited_for_by_nobody()
    {
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice());
        Assert.Equal(Reasons.Progressing, Status(input).Policies[0].Reason);
        var cordoned = Status(input with { Cordons = [s_fans] }).Policies[0];
        Assert.Equal((Reasons.Ready, "0 devices offered, and 1 cordoned by an admin"), (cordoned.Reason, cordoned.Message));
    }

    [Fact]
    public void What_stands_in_the_way_beside_a_cordon_is_still_a_problem()
    {
        var input = Given.Input(Two("nouveau"), Given.HostDevice()) with
        {
            Cordons = [s_fans],
            Usage = Given.Users(("0000:44:00.0", UserKind.Console, "boot VGA")),
        };
        var status = Status(input);
        Assert.Equal(Reasons.Blocked, status.Policies[0].Reason);
        Assert.Equal(1, status.Counts!.Problems);
    }

    [Fact]
    public void The_log_tells_of_a_cordon_once_when_it_comes_and_when_it_is_over()
    {
        var input = Given.Input(Taken, Given.HostDevice());
        var (without, with) = (Statements.Of(Status(input)), Statements.Of(Status(input with { Cordons = [s_fans] })));
        var news = Assert.Single(with, s => s.Subject.StartsWith("cordon ", StringComparison.Ordinal));
        Assert.StartsWith("0000:43:00.0: CordonedByAdmin: 0000:43:00.0 is given to no pod", news.Line, StringComparison.Ordinal);
        Assert.Equal((false, "0000:43:00.0 is not cordoned any more"), (news.AsksToAct, news.Over));
        Assert.DoesNotContain(without, s => s.Subject.StartsWith("cordon ", StringComparison.Ordinal));

        var wrong = new DesiredCordon.NotUnderstood("spec.cordons[0]", "spec.cordons[0] must be a mapping with device and reason");
        var bad = Assert.Single(Statements.Of(Status(input with { Cordons = [wrong] })), s => s.Subject == "cordon spec.cordons[0]");
        Assert.Equal((true, "spec.cordons[0] is mended, or gone"), (bad.AsksToAct, bad.Over));
    }
}
