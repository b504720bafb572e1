using Hostdev.Crds.Kinds;
using Xunit;

namespace Hostdev.Tests.Following;

/// <summary>What admins keep from being given out, over restarts and to a version before and back.</summary>
public sealed partial class DesiredStateTests
{
    private const string Cordoned = """cordons: [{device: "0000:43:00.0", reason: fans, by: ann, since: "2027-01-02T03:04:05Z"}]""" + "\n";

    private string CordonFile => Path.Combine(_directory, "cordons.json");

    [Fact]
    public void A_cordon_holds_over_a_restart_in_a_file_of_its_own_which_is_gone_with_the_last_one()
    {
        var state = Following(Gpu + Cordoned);
        Assert.Equal(
            """{"format":1,"cordons":[{"device":"0000:43:00.0","reason":"fans","by":"ann","since":"2027-01-02T03:04:05Z"}]}""",
            File.ReadAllText(CordonFile)
        );
        Assert.Equal(state.Cordons, Restarted().Cordons);
        Assert.Equal("0000:43:00.0", Assert.IsType<DesiredCordon.OfDevice>(Assert.Single(Restarted().Cordons)).Device.ToString());

        var written = File.GetLastWriteTimeUtc(CordonFile);
        state.Offer("desired.yaml", Gpu + Cordoned);
        Assert.Equal(written, File.GetLastWriteTimeUtc(CordonFile));

        state.Offer("desired.yaml", Gpu);
        Assert.Empty(state.Cordons);
        Assert.Empty(Restarted().Cordons);
        Assert.False(File.Exists(CordonFile));
    }

    /// <summary>It reads desired.json, and refuses it where a field stands beside the policies: StateFileTests.</summary>
    [Fact]
    public void To_a_version_before_what_is_kept_looks_as_it_would_without_and_what_that_one_left_is_read()
    {
        var with = Following(Gpu + Cordoned);
        var kept = File.ReadAllText(Path.Combine(_directory, "desired.json"));
        var fingerprint = with.Fingerprint;
        with.Offer("desired.yaml", Gpu);
        Assert.Equal(kept, File.ReadAllText(Path.Combine(_directory, "desired.json")));
        Assert.Equal(fingerprint, with.Fingerprint);
        Assert.Empty(Restarted().Cordons);
        Assert.Null(Restarted().Problem);
    }

    [Fact]
    public void A_damaged_file_of_cordons_is_said_and_costs_no_policy_and_the_source_mends_it()
    {
        Following(Gpu + Cordoned);
        File.WriteAllText(CordonFile, """{"format":2}""");
        var state = Restarted();
        Assert.Single(state.Policies!.Value);
        Assert.Equal(
            $"{CordonFile}: it has format 2 and this version reads 1: run the version that wrote it. It says what admins keep from being "
                + "given out: until the desired state is read from its source, those devices are offered",
            state.Problem
        );
        state.Offer("desired.yaml", Gpu + Cordoned);
        Assert.Null(state.Problem);
        Assert.Single(Restarted().Cordons);
    }

    [Fact]
    public void A_change_of_cordons_alone_is_told_from_one_for_which_something_is_done()
    {
        var state = Following(Gpu);
        var before = state.InForce;
        state.Offer("desired.yaml", Gpu + Cordoned);
        Assert.True(state.InForce!.HasOtherCordonsAlone(before));
        before = state.InForce;
        state.Offer("desired.yaml", Gpu + Cordoned);
        Assert.False(state.InForce!.HasOtherCordonsAlone(before)); // whoever writes the same again wants it tried again
        state.Offer("desired.yaml", "policies: []");
        Assert.False(state.InForce!.HasOtherCordonsAlone(before));
        Assert.False(state.InForce!.HasOtherCordonsAlone(null));
    }
}
