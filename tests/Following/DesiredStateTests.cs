using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Following;
using Xunit;

namespace Hostdev.Tests.Following;

public sealed partial class DesiredStateTests : IDisposable
{
    private const string Gpu =
        """policies: [{kind: HostDevice, name: gpus, spec: {resourceName: a.com/gpu, nodeSelector: {}, """
        + """devices: {pci: {selectors: [{vendor: "10de"}]}}}}]"""
        + "\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("desired-").FullName;

    /// <summary>Of another kind, with the same name.</summary>
    private const string Nics =
        """{kind: SriovPolicy, name: gpus, spec: {nodeSelector: {}, physicalFunctions: [{vendor: "8086"}], numVfs: 2, """
        + "pools: [{name: a, vfs: [{first: 0, last: 1}], resourceName: a.com/vf}]}}";

    private string Shiny => Gpu.Replace("resourceName", "shiny: 1, resourceName", StringComparison.Ordinal);

    [Fact]
    public void Before_anything_was_read_nothing_is_in_force()
    {
        var state = new DesiredState(_directory);
        state.Restore();

        Assert.Null(state.Policies);
        Assert.Null(state.Problem);
    }

    [Fact]
    public void What_cannot_be_read_keeps_what_is_in_force_and_says_so_once()
    {
        var state = Following(Gpu);

        Assert.True(state.Offer("desired.yaml", "nonsense"));
        Assert.False(state.Offer("desired.yaml", "nonsense"));
        Assert.Equal("desired.yaml: the desired state must be a mapping with the field policies", state.Problem);
        Assert.Equal("HostDevice/gpus", Assert.Single(state.Policies!.Value).Identity.ToString());
    }

    [Fact]
    public void Nothing_comes_into_force_before_it_is_on_disk()
    {
        var state = Following(Gpu);
        var before = state.InForce;
        Directory.Delete(_directory, recursive: true);
        Assert.ThrowsAny<IOException>(() => state.Offer("desired.yaml", "policies: []"));
        Assert.Same(before, state.InForce);
        Directory.CreateDirectory(_directory);
    }

    [Fact]
    public void An_explicit_empty_list_is_in_force_and_stays_so_over_a_restart()
    {
        var state = Following(Gpu);
        state.Offer("desired.yaml", "policies: []");
        Assert.Empty(state.Policies!.Value);

        Assert.Empty(Restarted().Policies!.Value);
    }

    [Fact]
    public void A_restart_goes_on_with_what_was_in_force()
    {
        Following(Gpu);

        var policy = Assert.Single(Restarted().Policies!.Value);
        Assert.Equal("a.com/gpu", Assert.IsType<DesiredPolicy.OfHostDevice>(policy.InForce).Spec.ResourceName.Value);
        Assert.Null(policy.Frozen);
    }

    /// <summary>What a version before can read: it refuses a field beside policies. Its fingerprint is remembered in other files.</summary>
    [Fact]
    public void What_is_kept_has_no_field_beside_policies_and_the_same_fingerprint_after_a_restart()
    {
        var state = Following(Gpu);

        Assert.StartsWith("{\"policies\":[{", File.ReadAllText(Path.Combine(_directory, "desired.json")), StringComparison.Ordinal);
        Assert.Equal(state.Fingerprint, Restarted().Fingerprint);
        Assert.Equal(DesiredState.FingerprintOf(state.Policies!.Value), state.Fingerprint);
    }

    [Fact]
    public void A_frozen_policy_keeps_its_last_understood_version_over_restarts_and_repetition()
    {
        var state = Following(Gpu);
        for (var i = 0; i < 3; i++)
        {
            state.Offer("desired.yaml", Shiny);
            var policy = Assert.Single(state.Policies!.Value);
            Assert.IsType<DesiredPolicy.OfHostDevice>(policy.InForce);
            Assert.Equal(
                "HostDevice/gpus: this version does not know spec.shiny: upgrade the agent, or correct the spelling",
                policy.Frozen!.Message
            );
            state = Restarted();
        }

        Assert.IsType<DesiredPolicy.OfHostDevice>(Assert.Single(state.Policies!.Value).InForce);
    }

    [Fact]
    public void A_frozen_policy_that_is_understood_again_thaws()
    {
        var state = Following(Gpu);
        state.Offer("desired.yaml", Shiny);
        state.Offer("desired.yaml", Gpu.Replace("a.com/gpu", "a.com/new", StringComparison.Ordinal));

        var policy = Assert.Single(state.Policies!.Value);
        Assert.Null(policy.Frozen);
        Assert.Equal("a.com/new", ((DesiredPolicy.OfHostDevice)policy.InForce).Spec.ResourceName.Value);
    }

    [Fact]
    public void A_policy_that_was_never_understood_is_still_desired_after_a_restart()
    {
        Following(Shiny);

        var policy = Assert.Single(Restarted().Policies!.Value);
        Assert.Equal("HostDevice/gpus", policy.Identity.ToString());
        Assert.IsType<DesiredPolicy.Frozen>(policy.InForce);
    }

    [Fact]
    public void A_policy_that_is_left_out_is_no_longer_in_force()
    {
        var state = Following(Gpu);
        state.Offer("desired.yaml", "policies: [{kind: HostDevice, name: other, spec: {}}]");

        Assert.Equal(["HostDevice/other"], state.Policies!.Value.Select(p => p.Identity.ToString()));
    }

    [Theory]
    [InlineData("Hostdevice", "kind \"Hostdevice\" is not known to this version: use HostDevice, SriovPolicy or MdevProfile")]
    [InlineData(
        "hostdevices.hostdev.io",
        "kind \"hostdevices.hostdev.io\" is not known to this version: use HostDevice, SriovPolicy or MdevProfile"
    )]
    [InlineData("SriovPolicy", "this version does not know spec.resourceName, spec.devices: upgrade the agent, or correct the spelling")]
    public void A_wrong_kind_freezes_what_bears_its_name_over_restarts_and_withdraws_nothing(string kind, string words)
    {
        var state = Following(Gpu);
        for (var i = 0; i < 3; i++)
        {
            state.Offer("desired.yaml", Gpu.Replace("HostDevice", kind, StringComparison.Ordinal));
            var policy = Assert.Single(state.Policies!.Value);
            Assert.IsType<DesiredPolicy.OfHostDevice>(policy.InForce);
            Assert.Equal(("HostDevice/gpus", policy.InForce.Identity.Uid), (policy.Identity.ToString(), policy.Identity.Uid));
            Assert.Equal(
                $"{kind}/gpus: {words}. HostDevice/gpus stays in force as it was last understood, until this entry is "
                    + "corrected or left out",
                policy.Frozen!.Message
            );
            state = Restarted();
        }

        state.Offer("desired.yaml", Gpu);
        Assert.Null(Assert.Single(state.Policies!.Value).Frozen);
        state.Offer("desired.yaml", "policies: []");
        Assert.Empty(state.Policies!.Value);
    }

    [Fact]
    public void A_wrong_kind_beside_the_policy_that_bears_the_same_name_stands_by_itself()
    {
        var state = Following(Gpu);
        state.Offer("desired.yaml", With("{kind: Hostdevice, name: gpus, spec: {}}, {kind: Hostdevice, name: other, spec: {}}"));

        Assert.Equal(["HostDevice/gpus", "Hostdevice/gpus", "Hostdevice/other"], state.Policies!.Value.Select(p => p.Identity.ToString()));
        Assert.Equal([false, true, true], state.Policies!.Value.Select(p => p.InForce is DesiredPolicy.Frozen));
        Assert.Null(state.Policies!.Value[0].Frozen);
    }

    [Fact]
    public void Where_two_policies_bear_the_name_of_an_entry_that_is_not_understood_neither_is_given_back()
    {
        var state = Following(With(Nics));
        state.Offer("desired.yaml", "policies: [{kind: Sriovpolicy, name: gpus, spec: {}}, {kind: Hostdevice, name: gpus, spec: {}}]");

        var names = state.Policies!.Value.Select(p => p.Identity.ToString()).Order(StringComparer.Ordinal);
        Assert.Equal(["HostDevice/gpus", "Hostdevice/gpus", "SriovPolicy/gpus"], names);
        Assert.All(state.Policies!.Value, p => Assert.NotNull(p.Frozen));
    }

    [Fact]
    public void An_entry_that_is_not_understood_freezes_its_own_kind_and_name_alone()
    {
        var state = Following(With(Nics));
        state.Offer("desired.yaml", $"policies: [{Nics.Replace("numVfs", "numVFs", StringComparison.Ordinal)}]");

        Assert.Equal("SriovPolicy/gpus", Assert.Single(state.Policies!.Value).Identity.ToString());
    }

    [Theory]
    [InlineData(
        "{",
        "Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed"
    )]
    [InlineData("""{"policies":7}""", "policies must be a list: to give everything back write \"policies: []\"")]
    [InlineData("""{"format":2,"policies":[]}""", "it has format 2 and this version reads 1: run the version that wrote it")]
    public void A_kept_file_that_is_damaged_is_said_and_passed_over(string text, string words)
    {
        File.WriteAllText(Path.Combine(_directory, "desired.json"), text);
        var state = Restarted();

        Assert.Null(state.Policies);
        Assert.Equal($"{Path.Combine(_directory, "desired.json")}: {words}", state.Problem);
        state.Offer("desired.yaml", Gpu);
        Assert.Null(state.Problem);
    }

    [Fact]
    public void A_problem_is_news_once_and_a_good_text_clears_it()
    {
        var state = Following(Gpu);

        Assert.True(state.Refuse("desired.yaml does not exist"));
        Assert.False(state.Refuse("desired.yaml does not exist"));
        Assert.True(state.Offer("desired.yaml", Gpu));
        Assert.Null(state.Problem);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string With(string more) => Gpu.Replace("}]\n", $"}}, {more}]\n", StringComparison.Ordinal);

    private DesiredState Following(string text)
    {
        var state = new DesiredState(_directory);
        Assert.True(state.Offer("desired.yaml", text));
        Assert.Null(state.Problem);
        return state;
    }

    private DesiredState Restarted()
    {
        var state = new DesiredState(_directory);
        state.Restore();
        return state;
    }
}

public sealed class DesiredFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("desired-").FullName;
    private readonly DesiredState _state;
    private readonly DesiredFile _file;
    private readonly LogLines _log = new();

    public DesiredFileTests()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "state"));
        _state = new DesiredState(Path.Combine(_directory, "state"));
        _file = new DesiredFile(Desired, TimeProvider.System, _log);
    }

    private string Desired => Path.Combine(_directory, "desired.yaml");

    [Fact]
    public void A_missing_file_changes_nothing_and_is_said_once()
    {
        Follow("policies: []\n");
        File.Delete(Desired);

        Assert.True(_file.Read(_state));
        Assert.False(_file.Read(_state));
        Assert.Equal(
            $"{Desired} does not exist: what was in force stays; write the desired state there, or \"policies: []\" "
                + "to give everything back",
            _state.Problem
        );
        Assert.NotNull(_state.Policies);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    public void An_empty_file_changes_nothing(string text)
    {
        Follow("policies: []\n");
        File.WriteAllText(Desired, text);

        Assert.True(_file.Read(_state));
        Assert.Equal($"{Desired}: the desired state is empty: to give everything back write \"policies: []\"", _state.Problem);
        Assert.NotNull(_state.Policies);
    }

    [Fact]
    public void A_file_that_is_no_desired_state_by_its_size_is_not_taken_into_memory()
    {
        Follow("policies: []\n");
        using (var large = File.OpenWrite(Desired))
            large.SetLength(10L << 30);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.True(_file.Read(_state));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Equal(
            $"{Desired} cannot be read ({Desired} is larger than 4 MiB, which no desired state is: name the right file): what was in "
                + "force stays",
            _state.Problem
        );
        Assert.NotNull(_state.Policies);
    }

    [Fact]
    public void A_text_that_is_cut_off_changes_nothing_though_it_could_be_read()
    {
        Follow("policies: [{kind: HostDevice, name: x, spec: {}}]\n");
        File.WriteAllText(Desired, "policies: []");

        Assert.True(_file.Read(_state));
        Assert.Equal(
            $"{Desired} does not end with a line end: it seems to be cut off, and what was in force stays; finish the file",
            _state.Problem
        );
        Assert.Single(_state.Policies!.Value);
    }

    [Fact]
    public void Json_needs_no_line_end()
    {
        File.WriteAllText(Desired, """{"policies": []}""");

        Assert.True(_file.Read(_state));
        Assert.Null(_state.Problem);
    }

    [Fact]
    public void The_same_text_is_no_news_until_there_was_a_problem_between()
    {
        Follow("policies: []\n");
        Assert.False(_file.Read(_state));
        File.Delete(Desired);
        _file.Read(_state);
        File.WriteAllText(Desired, "policies: []\n");

        Assert.True(_file.Read(_state));
        Assert.Null(_state.Problem);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("policies: []")]
    [InlineData("nonsense\n")]
    public void What_is_not_followed_is_logged_once(string? text)
    {
        if (text is not null)
            File.WriteAllText(Desired, text);
        _file.Read(_state);
        _file.Read(_state);

        Assert.Equal($"Warning the desired state is not followed: {_state.Problem}", Assert.Single(_log.Lines));
    }

    [Fact]
    public void A_policy_that_is_not_understood_is_logged_once()
    {
        Follow("policies: [{kind: Hostdevice, name: x, spec: {}}]\n");
        _file.Read(_state);

        Assert.Equal(
            $"Warning a policy of {Desired} is not understood, and nothing of it is changed: Hostdevice/x: "
                + "kind \"Hostdevice\" is not known to this version: use HostDevice, SriovPolicy or MdevProfile",
            Assert.Single(_log.Lines)
        );
    }

    [Fact]
    public async Task A_change_of_the_file_is_noticed()
    {
        Follow("policies: []\n");
        using var stop = new CancellationTokenSource();
        var next = _file.NextAsync(_state, stop.Token);
        File.WriteAllText(Desired + ".new", "policies: [{kind: HostDevice, name: x, spec: {}}]\n");
        File.Move(Desired + ".new", Desired, overwrite: true);

        await next.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Single(_state.Policies!.Value);
    }

    public void Dispose()
    {
        _file.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Follow(string text)
    {
        File.WriteAllText(Desired, text);
        Assert.True(_file.Read(_state));
        Assert.Null(_state.Problem);
    }
}
