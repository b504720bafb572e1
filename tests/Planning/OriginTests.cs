using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// Where a function came from is known as long as it matters, whatever another hand does to it meanwhile: the kind of case
/// 12-origin-forgotten-after-foreign-rebind.
/// </summary>
public sealed class OriginTests
{
    private const string Gpu = "0000:43:00.0";
    private static readonly HostUsage Pod = Given.Users((Gpu, UserKind.Pod, "pod default/vm has 0000:43:00.0"));
    private static readonly Ownership Ours = Ownership.None.Owns(Gpu, "nouveau");

    /// <summary>A CNI or libvirt has it on the host's driver for a moment.</summary>
    private static Machine Away(string? driverOverride = null, string driver = "nouveau") =>
        new Machine().Gpu(driver: driver).Change(Gpu, f => f with { DriverOverride = driverOverride });

    [Fact]
    public void Case_12_origin_forgotten_after_foreign_rebind_is_kept_while_a_pod_has_it_and_nothing_is_written()
    {
        foreach (var away in (Machine[])[Away(), Away("vfio-pci"), Away("nouveau"), Away(driver: "nvidia")])
        {
            var input = Given.Input(away, Given.HostDevice()) with { Ownership = Ours, Usage = Pod };
            Assert.Empty(input.Plan().Lanes);
            Assert.Equal(Reasons.InUse, input.Plan().About(Gpu).Reason);
        }

        Golden.MatchesWords("case-12", Given.Input(Away(), Given.HostDevice()) with { Ownership = Ours, Usage = Pod }, Gpu);

        // It comes back, the pod goes, and so does the policy.
        var back = Given.Input(new Machine().Gpu(driver: "vfio-pci").Change(Gpu, f => f with { DriverOverride = "vfio-pci" })) with
        {
            Ownership = Ours,
        };
        Assert.Contains("probe 0000:43:00.0 for nouveau", back.Plan().Steps());
    }

    [Fact]
    public void A_pod_that_outlives_the_policy_keeps_it_too_and_is_said()
    {
        var input = Given.Input(Away()) with { Ownership = Ours, Usage = Pod };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says(
                Gpu,
                FindingState.Releasing,
                Reasons.ReleaseWaits,
                "0000:43:00.0 is given back as soon as it is let go; "
                    + "pod default/vm has 0000:43:00.0, and something else on this host bound it to nouveau"
            );
        Assert.Equal(["forget 0000:43:00.0"], (input with { Usage = HostUsage.Nobody }).Plan().Steps());
    }

    [Theory]
    [InlineData(UserKind.NetworkAddress, nameof(Reasons.Protected))]
    [InlineData(UserKind.OpenNode, nameof(Reasons.InUse))]
    public void A_policy_that_must_wait_for_what_the_host_does_with_it_meanwhile_keeps_it(UserKind kind, string reason)
    {
        var input = Given.Input(Away(), Given.HostDevice()) with { Ownership = Ours, Usage = Given.Users((Gpu, kind, "somebody")) };

        Assert.Empty(input.Plan().Lanes);
        Assert.Equal(Reasons.Of(reason), input.Plan().About(Gpu).Reason);
    }

    [Fact]
    public void Where_nobody_stands_in_the_way_it_is_taken_again_with_the_origin_of_the_first_time()
    {
        var applier = new PlanApplier(new Machine().Gpu());
        applier.Settle(Given.Input(applier.Inventory, Given.HostDevice()));
        foreach (
            var step in (PlanStep[])
                [
                    new PlanStep.SetDriverOverride(Address, null),
                    new PlanStep.Unbind(Address, "vfio-pci", []),
                    new PlanStep.Probe(Address, "nouveau"),
                ]
        )
            applier.Do(step);
        applier.Settle(Given.Input(applier.Inventory, Given.HostDevice()));
        Assert.Equal("nouveau", applier.Ownership.Functions[Address].OriginalDriver);

        applier.Settle(Given.Input(applier.Inventory));
        Assert.Equal("nouveau", applier.Inventory.Functions[Address].Driver);
    }

    /// <summary>
    /// Our own override would take it from the host at the next bind, while the host needs it; and it was never in force.
    /// </summary>
    [Fact]
    public void What_was_begun_and_not_taken_goes_back_with_its_record()
    {
        var input = Given.Input(Away("vfio-pci"), Given.HostDevice()) with
        {
            Ownership = Ours,
            Usage = Given.Users((Gpu, UserKind.Mount, "/ is there")),
        };

        Assert.Equal(["override nothing on 0000:43:00.0", "forget 0000:43:00.0"], input.Plan().Steps());
    }

    [Fact]
    public void A_VF_that_Hostdev_made_keeps_its_record_too()
    {
        var input = Given.Input(new Machine().PhysicalFunction(vfs: 1, vfDriver: "igbvf"), Given.Sriov(1)) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", asked: 1, made: 1).Owns("0000:41:10.0", null),
            Usage = Given.Users(("0000:41:10.0", UserKind.Pod, "pod default/vm has 0000:41:10.0")),
        };

        Assert.Empty(input.Plan().Lanes);
    }

    /// <summary>What failed to be taken goes back as it was: that is our own doing, and the next attempt records anew.</summary>
    [Fact]
    public void What_could_not_be_taken_is_forgotten_with_what_is_undone()
    {
        var input = Given.Input(Away("vfio-pci"), Given.HostDevice()) with { Ownership = Ours, Setbacks = Given.Setback($"take {Gpu}") };

        Assert.Equal(["override nothing on 0000:43:00.0", "forget 0000:43:00.0"], input.Plan().Steps());
        Assert.Empty((input with { Usage = Pod }).Plan().Lanes);
    }

    private static Hostdev.Crds.PciAddress Address => Hostdev.Crds.PciAddress.Parse(Gpu);
}
