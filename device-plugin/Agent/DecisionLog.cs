using Hostdev.Planning;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// What was decided, for whoever asks for it (<c>-v</c>): each unit that is to be offered, each finding, each step. A line is logged when
/// it comes up, not again for as long as it stays.
/// </summary>
internal sealed partial class DecisionLog(ILogger logger)
{
    private HashSet<string> _said = new(StringComparer.Ordinal);

    public void Tell(Plan plan)
    {
        if (!logger.IsEnabled(LogLevel.Debug))
            return;
        var now = Lines(plan).Distinct(StringComparer.Ordinal).ToList();
        foreach (var line in now.Where(l => !_said.Contains(l)))
            Decided(logger, line);
        foreach (var line in _said.Except(now, StringComparer.Ordinal))
            NoLonger(logger, line);
        _said = now.ToHashSet(StringComparer.Ordinal);
    }

    private static IEnumerable<string> Lines(Plan plan)
    {
        foreach (var unit in plan.Units)
            yield return $"offer {unit.Id} as {unit.Resource} for {unit.Policy}";
        foreach (var finding in plan.Findings)
        {
            var policy = finding.Policy?.ToString() ?? "no policy";
            yield return $"{policy}: {finding.Device}: {finding.State}: {finding.Reason}: {finding.Message}";
        }

        foreach (var step in plan.Lanes.SelectMany(l => l.Steps))
        {
            if (StepWords.ToDo(step.Step) is { } words)
                yield return $"{step.Purpose}: {words}";
        }
    }

    [LoggerMessage(EventId = 1003, Level = LogLevel.Debug, Message = "decided: {Line}")]
    private static partial void Decided(ILogger logger, string line);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Debug, Message = "no longer: {Line}")]
    private static partial void NoLonger(ILogger logger, string line);
}
