using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Following;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>A policy that is not understood: what is in force for it stays, nothing of it is released, nothing new is started.</summary>
public sealed class FrozenPolicyTests
{
    private static readonly Machine Taken = new Machine()
        .Gpu(driver: "vfio-pci")
        .Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" });
    private static readonly Ownership Ours = Ownership.None.Owns("0000:43:00.0", "nouveau");

    [Fact]
    public void It_keeps_its_last_understood_version()
    {
        var plan = (Given.Input(Taken, Given.HostDevice().Frozen()) with { Ownership = Ours }).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        plan.Says(
            "HostDevice/gpus",
            FindingState.Blocked,
            Reasons.UnsupportedField,
            "HostDevice/gpus: this version does not know spec.shiny"
        );
        Assert.Equal("HostDevice/gpus: this version does not know spec.shiny", Assert.Single(plan.Policies).Frozen!.Message);
    }

    [Fact]
    public void A_wrong_kind_freezes_what_bears_the_name_and_says_so()
    {
        var misspelt = NodeDeviceStateReader.Read("policies:\n- kind: Hostdevice\n  name: gpus\n", out _)!.Policies;
        var input = Given.Input(Taken, [.. DesiredState.Following([Given.HostDevice()], misspelt)]) with { Ownership = Ours };

        Assert.Empty(input.Plan().Lanes);
        Assert.Equal(["0000:43:00.0"], input.Plan().UnitIds());
        Golden.MatchesWords("frozen-by-a-wrong-kind", input, "0000:43:00.0");
    }

    [Fact]
    public void It_is_reported_with_the_generation_that_was_not_understood() =>
        Assert.Equal(2, Assert.Single(Given.Input(Taken, Given.HostDevice().Frozen()).Plan().Policies).Policy.Generation);

    [Fact]
    public void One_that_was_never_understood_starts_nothing()
    {
        var plan = Given.Input(new Machine().Gpu(), Never("HostDevice", "gpus")).Plan();

        plan.Refuses("HostDevice/gpus", Reasons.UnsupportedField, "HostDevice/gpus: this version does not know spec.shiny");
    }

    [Fact]
    public void One_that_this_agent_never_understood_releases_nothing_that_was_taken_for_it_before()
    {
        var plan = (Given.Input(Taken, Never("HostDevice", "gpus")) with { Ownership = Ours }).Plan();

        Assert.Empty(plan.Lanes);
    }

    [Fact]
    public void Nor_are_VFs_removed_that_were_made_for_one()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2, vfDriver: "vfio-pci");
        var owned = Ownership
            .None.OwnsVfsOf("0000:41:00.0")
            .Owns("0000:41:10.0", null, policy: "sriovpolicy-nics")
            .Owns("0000:41:10.2", null, policy: "sriovpolicy-nics");

        Assert.Empty((Given.Input(machine, Never("SriovPolicy", "nics")) with { Ownership = owned }).Plan().Lanes);
    }

    [Fact]
    public void What_other_policies_left_is_released_all_the_same()
    {
        var plan = (Given.Input(Taken, Never("HostDevice", "others")) with { Ownership = Ours }).Plan();

        Assert.Contains("unbind 0000:43:00.0 from vfio-pci", plan.Steps());
    }

    [Fact]
    public void A_device_that_is_gone_is_forgotten_whoever_had_it() =>
        Assert.Equal(
            ["forget 0000:43:00.0"],
            (Given.Input(new Machine(), Never("HostDevice", "gpus")) with { Ownership = Ours }).Plan().Steps()
        );

    private static EffectivePolicy Never(string kind, string name)
    {
        var identity = Given.Identity(kind, name);
        var frozen = new DesiredPolicy.Frozen(identity, Reasons.UnsupportedField, $"{identity}: this version does not know spec.shiny");
        return new EffectivePolicy(frozen, frozen);
    }
}
