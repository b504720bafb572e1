using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Agent;
using Hostdev.Planning;
using Hostdev.Tests.Planning;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Hostdev.Tests.Agent;

/// <summary>What <c>-v</c> shows: each decision when it comes, and when it is over.</summary>
public sealed class DecisionLogTests
{
    private static readonly Plan s_offering = Given
        .Input(new Machine().Gpu().Audio(), Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }))
        .Plan();

    private readonly LogLines _lines = new();

    [Fact]
    public void Units_findings_and_steps_are_told_once_and_once_more_when_they_are_over()
    {
        var log = new DecisionLog(_lines);
        log.Tell(s_offering);
        Assert.Contains("Debug decided: offer 0000:43:00.0 as example.com/gpus for HostDevice/gpus", _lines.Lines);
        Assert.Contains(_lines.Lines, l => l.StartsWith("Debug decided: HostDevice/gpus: 0000:43:00.1: Held: ", StringComparison.Ordinal));
        Assert.Contains(_lines.Lines, l => l.Contains("vfio-pci", StringComparison.Ordinal));
        var told = _lines.Lines.Count;
        log.Tell(s_offering);
        Assert.Equal(told, _lines.Lines.Count);
        log.Tell(Plan.Nothing);
        Assert.Equal(2 * told, _lines.Lines.Count);
        Assert.Contains("Debug no longer: offer 0000:43:00.0 as example.com/gpus for HostDevice/gpus", _lines.Lines);
    }

    [Fact]
    public void Nobody_who_did_not_ask_is_told_and_no_line_is_made_for_that()
    {
        new DecisionLog(new Quiet(_lines)).Tell(s_offering);
        Assert.Empty(_lines.Lines);
    }

    /// <summary>As without <c>-v</c>.</summary>
    private sealed class Quiet(ILogger to) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel > LogLevel.Debug;

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format) =>
            to.Log(level, id, state, exception, format);
    }
}
