using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// Logs what an admin must know once, when it comes to be so and when it is over. An agent without a cluster has no Events, and whoever
/// looks at one node reads its log first. A restart says once more what stands.
/// </summary>
internal sealed partial class TransitionLog(IStatusSink next, ILogger<TransitionLog> logger) : IStatusSink
{
    private ImmutableArray<Statement> _said = [];

    public void Write(NodeDeviceStateStatus status)
    {
        var now = Statements.Of(status);
        var before = _said.Select(s => (s.Subject, s.News)).ToHashSet();
        var subjects = now.Select(s => s.Subject).ToHashSet(StringComparer.Ordinal);
        foreach (var over in _said)
        {
            if (over.Over is { } line && !subjects.Contains(over.Subject))
                Tells(logger, line);
        }

        foreach (var news in now.Where(s => !before.Contains((s.Subject, s.News))))
        {
            if (news.AsksToAct)
                Asks(logger, news.Line);
            else
                Tells(logger, news.Line);
        }

        _said = now;
        next.Write(status);
    }

    [LoggerMessage(EventId = 1401, Level = LogLevel.Information, Message = "{Line}")]
    private static partial void Tells(ILogger logger, string line);

    [LoggerMessage(EventId = 1402, Level = LogLevel.Warning, Message = "{Line}")]
    private static partial void Asks(ILogger logger, string line);
}
