using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Hostdev.Telemetry;

/// <summary>How a log is written.</summary>
public enum LogForm
{
    Text,
    Json,
}

/// <summary>What both programs log, and how: one line for each, on the standard output of the process.</summary>
public static class LogLines
{
    /// <summary>
    /// In one line, so that no text can look like the next one, with UTC. Colours are escapes, which nobody's text may have (kube/Meta
    /// PrintableWriter).
    /// </summary>
    /// <param name="least">Of our own; of the framework warnings are enough.</param>
    public static ILoggerFactory Create(LogLevel least, LogForm form = LogForm.Text) =>
        LoggerFactory.Create(b =>
        {
            b.SetMinimumLevel(least).AddFilter("Microsoft", least > LogLevel.Warning ? least : LogLevel.Warning);
            if (form == LogForm.Json)
            {
                b.AddJsonConsole(Stamp);
                return;
            }

            b.AddSimpleConsole(c =>
            {
                (c.SingleLine, c.ColorBehavior) = (true, LoggerColorBehavior.Disabled);
                Stamp(c);
                c.TimestampFormat += " ";
            });
        });

    private static void Stamp(ConsoleFormatterOptions options) =>
        (options.TimestampFormat, options.UseUtcTimestamp) = ("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", true);
}
