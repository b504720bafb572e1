using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Agent;
using Xunit;

namespace Hostdev.Tests.Inventory;

/// <summary>Counts of the kernel's that begin anew, and what is told of them.</summary>
public sealed class PcieErrorCountersTests : IDisposable
{
    private static readonly PciAddress Nic = PciAddress.Parse("0000:41:00.0");

    private readonly SimulatedKernel _kernel = new(LabMachine.Description);
    private readonly Clock _clock = new();
    private readonly PcieErrorCounters _counters;

    public PcieErrorCountersTests()
    {
        _counters = new PcieErrorCounters(_kernel.Paths, _clock);
        _kernel.ReportError($"{Nic}", ErrorSeverity.NonFatal); // before anybody watched
        Watch(Nic);
    }

    [Fact]
    public void What_the_kernel_counted_before_is_counted_and_is_no_news()
    {
        Assert.Equal(1, Of(PcieSeverity.NonFatal));
        Assert.Empty(_counters.Look());
    }

    [Fact]
    public void However_often_somebody_asks_the_files_are_read_every_30_seconds()
    {
        Assert.Equal(0, Of(PcieSeverity.Correctable));
        _kernel.ReportError($"{Nic}", ErrorSeverity.Correctable);
        Assert.Equal(0, Of(PcieSeverity.Correctable));
        _clock.Now += PcieErrorCounters.LeastBetween;
        Assert.Equal(1, Of(PcieSeverity.Correctable));
        Assert.Empty(_counters.Look()); // what was corrected is no news
    }

    [Fact]
    public void A_root_port_counts_what_it_received_from_below()
    {
        _kernel.ReportError($"{Nic}", ErrorSeverity.Correctable);
        var port = Assert.Single(_counters.Read(), c => c.Key is { IsRootPort: true, Severity: PcieSeverity.Correctable });

        Assert.Equal(1, port.Count);
        Assert.Equal(Nic.Domain, port.Key.Device.Domain);
        Assert.NotEqual(Nic, port.Key.Device);
    }

    [Fact]
    public void Uncorrectable_ones_are_news_until_an_hour_after_the_last()
    {
        Assert.Empty(_counters.Look());
        _kernel.ReportError($"{Nic}", ErrorSeverity.NonFatal);
        Assert.Equal([new PcieErrors(Nic, 1, 0, _clock.Now)], _counters.Look());
        _clock.Now += TimeSpan.FromMinutes(50);
        _kernel.ReportError($"{Nic}", ErrorSeverity.Fatal);
        Assert.Equal([new PcieErrors(Nic, 1, 1, _clock.Now)], _counters.Look());
        _clock.Now += TimeSpan.FromMinutes(59);
        Assert.Single(_counters.Look());
        _clock.Now += TimeSpan.FromMinutes(1);
        Assert.Empty(_counters.Look());
    }

    [Fact]
    public void A_count_that_begins_anew_goes_on()
    {
        _kernel.ReportError($"{Nic}", ErrorSeverity.NonFatal);
        Assert.Equal(2, Of(PcieSeverity.NonFatal));
        _kernel.Unplug($"{Nic}");
        _kernel.Plug($"{Nic}");
        _kernel.ReportError($"{Nic}", ErrorSeverity.NonFatal);
        _clock.Now += PcieErrorCounters.LeastBetween;
        Assert.Equal(3, Of(PcieSeverity.NonFatal));
    }

    [Fact]
    public void An_error_right_after_something_is_watched_is_news_though_nobody_has_looked_yet()
    {
        _kernel.ReportError($"{Nic}", ErrorSeverity.NonFatal);
        Assert.Equal([new PcieErrors(Nic, 1, 0, _clock.Now)], _counters.Look());
    }

    [Fact]
    public void What_the_port_above_reports_itself_is_news_of_the_port()
    {
        var port = PciAddress.Parse("0000:40:00.0");
        _kernel.ReportError($"{port}", ErrorSeverity.Fatal);
        Assert.Equal([new PcieErrors(port, 0, 1, _clock.Now)], _counters.Look());
        Assert.Equal(1, _counters.Read().Single(c => c.Key == new PcieErrorKey(port, PcieSeverity.Fatal, IsRootPort: true)).Count);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_no_zero()
    {
        _kernel.ReportError($"{Nic}", ErrorSeverity.NonFatal);
        Assert.Equal(2, Of(PcieSeverity.NonFatal));
        var file = _kernel.Paths.Resolve($"/sys/bus/pci/devices/{Nic}/aer_dev_nonfatal");
        var text = File.ReadAllText(file);
        File.Delete(file);
        _clock.Now += PcieErrorCounters.LeastBetween;
        Assert.Equal(2, Of(PcieSeverity.NonFatal));
        File.WriteAllText(file, text);
        _clock.Now += PcieErrorCounters.LeastBetween;
        Assert.Equal(2, Of(PcieSeverity.NonFatal));
    }

    [Fact]
    public void What_is_watched_no_longer_and_what_keeps_no_count_is_left_out()
    {
        Assert.NotEmpty(_counters.Read());
        Watch(PciAddress.Parse("0000:46:00.0")); // edu has no AER
        _clock.Now += PcieErrorCounters.LeastBetween;

        Assert.DoesNotContain(_counters.Read(), c => c.Key.Device == Nic || c.Key.Device == PciAddress.Parse("0000:46:00.0"));
    }

    public void Dispose() => _kernel.Dispose();

    /// <summary>The function, and the ports above it.</summary>
    private void Watch(PciAddress address)
    {
        var functions = new InventoryReader(_kernel.Paths, TimeProvider.System).Read().Functions;
        _counters.Watch(functions[address].Path.Append(address).Select(a => functions[a]));
    }

    private long Of(PcieSeverity severity) => _counters.Read().Single(c => c.Key == new PcieErrorKey(Nic, severity, false)).Count;
}
