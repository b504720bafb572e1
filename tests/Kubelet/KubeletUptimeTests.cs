using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>How long a kubelet is known to be up, and that no clock that is set can change it.</summary>
public sealed class KubeletUptimeTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;
    private readonly SettableClock _clock = new();

    private string Registration => Path.Combine(_directory, "kubelet.sock");

    private string Pods => Path.Combine(_directory, "pods.sock");

    [Fact]
    public void It_counts_from_the_first_look_and_not_from_the_file_s_time()
    {
        Make(Registration, daysAgo: 10);
        Make(Pods, daysAgo: 10);
        var uptime = NewUptime();

        Assert.Equal(TimeSpan.Zero, uptime.Look());
        _clock.Pass(TimeSpan.FromSeconds(70));
        Assert.Equal(TimeSpan.FromSeconds(70), uptime.Look());
        Assert.Equal(TimeSpan.Zero, NewUptime().Look()); // as after a restart of the agent
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_socket_that_is_made_anew_is_a_new_kubelet_whichever_of_the_two_comes_first(bool registration)
    {
        Make(Registration, daysAgo: 1);
        Make(Pods, daysAgo: 1);
        var uptime = NewUptime();
        uptime.Look();
        _clock.Pass(TimeSpan.FromSeconds(70));

        Make(registration ? Registration : Pods, daysAgo: 0);

        Assert.Equal(TimeSpan.Zero, uptime.Look());
    }

    [Fact]
    public void There_is_no_kubelet_while_a_socket_is_missing_and_it_is_new_when_it_comes_back()
    {
        Make(Registration, daysAgo: 1);
        Make(Pods, daysAgo: 1);
        var uptime = NewUptime();
        uptime.Look();
        _clock.Pass(TimeSpan.FromSeconds(70));

        File.Delete(Pods);
        Assert.Null(uptime.Look());
        _clock.Pass(TimeSpan.FromSeconds(70));
        Make(Pods, daysAgo: 0);
        Assert.Equal(TimeSpan.Zero, uptime.Look());
    }

    [Fact]
    public void A_clock_that_is_set_makes_neither_a_kubelet_older_nor_the_agent_s_time_jump()
    {
        Make(Registration, daysAgo: 1);
        Make(Pods, daysAgo: 1);
        var uptime = NewUptime();
        var steady = new SteadyTime(_clock);
        var began = steady.GetUtcNow();
        uptime.Look();

        _clock.Set(TimeSpan.FromHours(1));
        _clock.Pass(TimeSpan.FromSeconds(5));

        Assert.Equal(TimeSpan.FromSeconds(5), uptime.Look());
        Assert.Equal(TimeSpan.FromSeconds(5), steady.GetUtcNow() - began);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private KubeletUptime NewUptime() => new([Registration, Pods], _clock);

    private static void Make(string path, int daysAgo)
    {
        File.WriteAllText(path, "");
        File.SetLastWriteTimeUtc(path, new DateTime(2026, 1, 20, 0, 0, 0, DateTimeKind.Utc).AddDays(-daysAgo));
    }

    /// <summary>Time passes and the clock is set, each on its own.</summary>
    private sealed class SettableClock : TimeProvider
    {
        private TimeSpan _passed;
        private TimeSpan _set;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan by) => _passed += by;

        public void Set(TimeSpan ahead) => _set += ahead;

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 20, 12, 0, 0, TimeSpan.Zero) + _passed + _set;

        public override long GetTimestamp() => _passed.Ticks;
    }
}
