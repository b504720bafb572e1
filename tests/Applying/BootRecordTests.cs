using Hostdev.DevicePlugin.Applying;
using Hostdev.Tests.Agent;
using Xunit;

namespace Hostdev.Tests.Applying;

/// <summary>Which boots count as ended within a desired state.</summary>
public sealed class BootRecordTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("boots-").FullName;
    private readonly Clock _clock = new();

    [Fact]
    public void Two_boots_that_end_after_work_began_stop_the_third_and_only_for_that_desired_state()
    {
        Open("boot-1").Begin("a");
        var second = Open("boot-2");
        Assert.Null(second.Stops("a"));
        second.Begin("a");
        var third = Open("boot-3");

        Assert.Equal(2, third.Stops("a"));
        Assert.Null(third.Stops("b"));
        Assert.Null(third.ProvenAt); // it stands until somebody acts, however long the machine lives
        _clock.Now += TimeSpan.FromDays(1);
        third.CloseWhenProven();
        third.CloseInOrder();
        Assert.Equal(2, Open("boot-4").Stops("a")); // the third wrote nothing, so its end says nothing
    }

    [Fact]
    public void The_file_of_a_version_before_has_no_number_and_counts()
    {
        File.WriteAllText(Path.Combine(_directory, BootRecord.FileName), """{"desired":"a","bootId":"boot-2","ended":1}""");

        Assert.Equal(2, Open("boot-3").Stops("a"));
    }

    [Fact]
    public void A_machine_that_lives_for_five_minutes_after_the_last_write_has_proven_it_harmless()
    {
        var record = Open("boot-1");
        record.Begin("a");
        _clock.Now += TimeSpan.FromMinutes(2);
        record.Pause(); // writing took that long
        Assert.Equal(_clock.Now.AddMinutes(5), record.ProvenAt);
        _clock.Now += TimeSpan.FromMinutes(4.9);
        record.CloseWhenProven();
        Assert.True(File.Exists(record.Path));
        _clock.Now += TimeSpan.FromMinutes(0.1);
        record.CloseWhenProven();

        Assert.False(File.Exists(record.Path));
        Assert.Null(record.ProvenAt);
    }

    [Fact]
    public void A_proven_boot_between_two_that_ended_starts_the_count_anew()
    {
        Open("boot-1").Begin("a");
        var second = Open("boot-2");
        second.Begin("a");
        _clock.Now += BootRecord.Proof;
        second.CloseWhenProven();
        Open("boot-2").Begin("a");

        Assert.Null(Open("boot-3").Stops("a"));
    }

    [Fact]
    public void A_restart_of_the_agent_alone_is_no_boot_that_ended()
    {
        for (var i = 0; i < 5; i++)
        {
            var record = Open("boot-1");
            Assert.Null(record.Stops("a"));
            record.Begin("a");
        }
    }

    [Fact]
    public void A_boot_that_ends_in_order_with_nothing_under_way_does_not_count()
    {
        var record = Open("boot-1");
        record.Begin("a");
        record.CloseInOrder();
        Open("boot-2").Begin("a");

        Assert.Null(Open("boot-3").Stops("a"));
    }

    [Fact]
    public void Another_desired_state_starts_a_count_of_its_own()
    {
        Open("boot-1").Begin("a");
        Open("boot-2").Begin("b");

        Assert.Null(Open("boot-3").Stops("b"));
    }

    [Fact]
    public void Removing_the_file_lifts_the_stop_at_once()
    {
        Open("boot-1").Begin("a");
        Open("boot-2").Begin("a");
        var third = Open("boot-3");
        Assert.Equal(2, third.Stops("a"));
        File.Delete(third.Path);

        Assert.Null(third.Stops("a"));
        third.Begin("a");
        Assert.Null(Open("boot-4").Stops("a"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"desired\":")]
    [InlineData("[]")]
    [InlineData("""{"format":2,"desired":"a","bootId":"boot-0","ended":5}""")]
    public void A_file_that_no_agent_of_this_version_wrote_stops_nothing(string text)
    {
        File.WriteAllText(Path.Combine(_directory, BootRecord.FileName), text);

        Assert.Null(Open("boot-1").Stops("a"));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private BootRecord Open(string bootId) => new(_directory, bootId, _clock);
}
