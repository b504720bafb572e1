using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Scenarios;
using Hostdev.Tests.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Reporting;

public sealed class AgentMonitoringTests
{
    private const string Edu = "example.com/edu";
    private static readonly string s_policy = Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0"));

    [Fact]
    public async Task What_an_agent_has_and_does_stands_in_the_metrics()
    {
        using var metrics = new AgentMetrics();
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), s_policy, start: false);
        bench.StartAgent(metrics: metrics);
        await using var monitoring = Start(bench, "127.0.0.1:0", TimeProvider.System);
        using var http = await ConnectAsync(monitoring);
        await bench.ReadyAsync();
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm-1")).Phase);
        await UntilShownAsync("hostdev_agent_devices{state=\"allocated\"} 1");
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await GetAsync(http, "/healthz"));
        await ShownAsync(
            "# TYPE hostdev_agent_reconciles_total counter",
            "hostdev_agent_reconcile_failures_total 0",
            string.Create(CultureInfo.InvariantCulture, $"hostdev_agent_host_writes_total {bench.Host.Writer.Writes}"),
            "hostdev_agent_devices{state=\"matched\"} 1",
            "hostdev_agent_devices{state=\"ready\"} 1",
            "hostdev_agent_devices{state=\"blocked\"} 0",
            "hostdev_agent_releasing 0",
            $"hostdev_agent_resource_devices{{resource=\"{Edu}\",state=\"capacity\"}} 1",
            $"hostdev_agent_resource_devices{{resource=\"{Edu}\",state=\"allocatable\"}} 1",
            $"hostdev_agent_resource_registered{{resource=\"{Edu}\"}} 1",
            "hostdev_agent_units{class=\"pci\",state=\"all\"} 1",
            "hostdev_agent_units{class=\"pci\",state=\"ready\"} 1",
            "hostdev_agent_units{class=\"pci\",state=\"allocated\"} 1",
            "hostdev_agent_units{class=\"mdev\",state=\"all\"} 0",
            "hostdev_agent_condition{condition=\"Ready\"} 1",
            "hostdev_agent_condition{condition=\"Degraded\"} 0",
            "hostdev_agent_halted{reason=\"BootLoop\"} 0",
            "hostdev_agent_halted{reason=\"Disabled\"} 0"
        );
        Assert.True(bench.Host.Writer.Writes > 0);

        bench.Desire(Desired.Nothing);
        await UntilShownAsync("hostdev_agent_releasing 1");
        await File.WriteAllTextAsync(Path.Combine(bench.StateDirectory, "disabled"), "");
        await UntilShownAsync("hostdev_agent_halted{reason=\"Disabled\"} 1");

        async Task UntilShownAsync(string line)
        {
            var shown = Array.Empty<string>();
            for (
                var began = TimeProvider.System.GetTimestamp();
                !shown.Contains(line) && TimeProvider.System.GetElapsedTime(began).TotalSeconds < 20;
                await Task.Delay(5)
            )
                shown = await MetricsAsync();
            Assert.Contains(line, shown);
        }

        async Task ShownAsync(params string[] lines)
        {
            var shown = await MetricsAsync();
            foreach (var line in lines)
                Assert.Contains(line, shown);
        }

        async Task<string[]> MetricsAsync() => (await GetAsync(http, "/metrics")).Text.Split('\n');
    }

    [Fact]
    public async Task Slots_are_counted_by_whether_there_is_room_for_them_and_a_pod_that_has_one()
    {
        using var metrics = new AgentMetrics();
        var node = new SimulatedNode();
        var policies = Desired.Policies(Desired.Mdevs("display", "mdpy", "mdpy-vga", "mode: OnDemand, max: 4"));
        await using var bench = await ScenarioBench.StartAsync(node, policies, start: false);
        bench.StartAgent(metrics: metrics);
        await using var monitoring = Start(bench, "127.0.0.1:0", TimeProvider.System);
        using var http = await ConnectAsync(monitoring);
        await bench.ReadyAsync();
        await ShownAsync(Mdevs(ready: 4, onDemand: 4, allocated: 0));

        var one = new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/display"] = 1 };
        Assert.Equal(PodPhase.Running, (await bench.Kubelet.AdmitPodAsync("vms", "vm", one)).Phase);
        await ShownAsync(Mdevs(ready: 4, onDemand: 3, allocated: 1));

        foreach (var i in Enumerable.Range(0, 2))
            node.Write(("/sys/class/mdev_bus/mdpy/mdev_supported_types/mdpy-hd/create", $"{i:x8}-2222-8333-8444-555555555555"));
        await ShownAsync([
            .. Mdevs(ready: 2, onDemand: 1, allocated: 1),
            "hostdev_agent_unready_units{class=\"mdev\",reason=\"NoRoom\"} 2",
        ]);

        static string[] Mdevs(int ready, int onDemand, int allocated) =>
            [
                "hostdev_agent_units{class=\"mdev\",state=\"all\"} 4",
                $"hostdev_agent_units{{class=\"mdev\",state=\"ready\"}} {ready}",
                $"hostdev_agent_units{{class=\"mdev\",state=\"on_demand\"}} {onDemand}",
                $"hostdev_agent_units{{class=\"mdev\",state=\"allocated\"}} {allocated}",
            ];

        async Task ShownAsync(string[] lines)
        {
            string[] shown = [];
            for (
                var began = TimeProvider.System.GetTimestamp();
                lines.Except(shown).Any() && TimeProvider.System.GetElapsedTime(began).TotalSeconds < 20;
                await Task.Delay(5)
            )
                shown = (await GetAsync(http, "/metrics")).Text.Split('\n');
            Assert.Equal([], lines.Except(shown));
        }
    }

    [Fact]
    public async Task A_refused_allocation_is_counted_by_its_reason()
    {
        using var metrics = new AgentMetrics();
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), s_policy, start: false);
        bench.StartAgent(metrics: metrics);
        await using var monitoring = Start(bench, "127.0.0.1:0", TimeProvider.System);
        using var http = await ConnectAsync(monitoring);
        await bench.ReadyAsync();
        // At once, so that the kubelet has not heard of it and asks.
        await File.WriteAllTextAsync(Path.Combine(bench.StateDirectory, "disabled"), "");
        var refused = await bench.Host.Allocator.AllocateAsync(Hostdev.Crds.ResourceName.Parse(Edu), ["0000:46:00.0"], default);
        Assert.Contains("disabled is there", refused.ToString(), StringComparison.Ordinal);
        var shown = (await GetAsync(http, "/metrics")).Text;
        Assert.Contains("hostdev_agent_refused_allocations_total{reason=\"Disabled\"} 1", shown.Split('\n'));
        Assert.Contains("\nhostdev_build_info{", shown, StringComparison.Ordinal);
        Assert.Contains("\nprocess_open_fds ", shown, StringComparison.Ordinal);
        Promtool.Check(shown);
    }

    [Fact]
    public async Task An_agent_is_ready_after_its_first_look_with_neither_anything_to_follow_nor_a_kubelet()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Desired.Nothing, start: false);
        File.Delete(bench.DesiredFile);
        await bench.Kubelet.StopAsync();
        var (first, more) = (new SemaphoreSlim(0), bench.Node.Machine);
        bench.StartAgent(more with { OpenUevents = () => OpenLater(first, more) });
        Assert.Equal(["the first look at this host has not ended"], bench.Host.NotReady);
        Assert.Empty(bench.Host.Unhealthy);
        first.Release();
        await bench.UntilAsync(() => !bench.Host.NotReady.Any());
        Assert.Contains(Reasons.DesiredStateUnreadable, bench.Host.Agent.Status!.Conditions.Select(c => c.Reason));
    }

    [Fact]
    public async Task A_port_that_is_taken_keeps_no_agent_from_its_work_and_is_served_when_it_is_free()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), s_policy);
        await using var monitoring = Start(bench, $"127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}", new HurriedTime());
        await bench.ReadyAsync();
        Assert.Null(monitoring.Address);
        other.Stop();
        using var http = await ConnectAsync(monitoring);
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await GetAsync(http, "/readyz"));
    }

    [Fact]
    public async Task An_address_that_cannot_be_understood_is_refused_with_one_that_can()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Desired.Nothing);
        Assert.Equal(
            "--listen is \"9476\", which is no address to listen at: write :9476 or 127.0.0.1:9476",
            Assert.Throws<FormatException>(() => Start(bench, "9476", TimeProvider.System)).Message
        );
    }

    [Fact]
    public void A_loop_is_overdue_when_it_took_longer_than_it_said_and_not_before()
    {
        var time = new ManualTime();
        var pulse = new LoopPulse(time);
        time.Seconds = 100;
        Assert.Null(pulse.Problem);
        pulse.Expect(TimeSpan.FromSeconds(10));
        time.Seconds = 110;
        Assert.Null(pulse.Problem);
        time.Seconds = 111;
        Assert.Equal("the agent's loop has not come round for 11 s, and 10 s are the most it should take", pulse.Problem);
        pulse.Expect(TimeSpan.FromSeconds(10));
        Assert.Null(pulse.Problem);
    }

    private static AgentMonitoring Start(ScenarioBench bench, string listen, TimeProvider time) =>
        AgentMonitoring.Start(bench.Host, listen, "0", "test", _ => null, time, NullLoggerFactory.Instance);

    private static async Task<HttpClient> ConnectAsync(AgentMonitoring monitoring)
    {
        await Waiting.UntilAsync(() => monitoring.Address is not null);
        return new HttpClient { BaseAddress = monitoring.Address };
    }

    private static async Task<(HttpStatusCode Code, string Text)> GetAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name) =>
        bench.Kubelet.AdmitPodAsync("vms", name, new Dictionary<string, int>(StringComparer.Ordinal) { [Edu] = 1 });

    private static Hostdev.DevicePlugin.Host.IUeventSource OpenLater(SemaphoreSlim gate, AgentMachine machine)
    {
        gate.Wait();
        return machine.OpenUevents();
    }

    /// <summary>Five seconds of it are fifty milliseconds.</summary>
    private sealed class HurriedTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / 100 : dueTime, period);
    }

    private sealed class ManualTime : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
