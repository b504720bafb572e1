using System.CommandLine;
using System.CommandLine.Parsing;
using Microsoft.Extensions.Logging;

namespace Hostdev.Telemetry;

/// <summary>What both programs can be told of their log, and what comes of it.</summary>
public sealed class LogSettings
{
    private static readonly Dictionary<string, LogLevel> s_levels = new(StringComparer.OrdinalIgnoreCase)
    {
        ["debug"] = LogLevel.Debug,
        ["info"] = LogLevel.Information,
        ["warning"] = LogLevel.Warning,
        ["error"] = LogLevel.Error,
    };

    private readonly Option<string> _format = new("--log-format")
    {
        Description = "text: a line each, as people read it; json: an object each, as collectors do.",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<string> _level = new("--log-level")
    {
        Description = "The least that is logged: debug, info, warning or error.",
        DefaultValueFactory = _ => "info",
    };

    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Log decisions too: the same as --log-level debug." };

    public LogSettings()
    {
        _format.Validators.Add(r => Validate(r, "--log-format", "text or json", word => FormOf(word) is not null));
        _level.Validators.Add(r => Validate(r, "--log-level", "debug, info, warning or error", s_levels.ContainsKey));
    }

    public IEnumerable<Option> Options => [_format, _level, _verbose];

    public ILoggerFactory Create(ParseResult parsed) =>
        LogLines.Create(
            parsed.GetValue(_verbose) ? LogLevel.Debug : s_levels[parsed.GetValue(_level)!],
            FormOf(parsed.GetValue(_format)!) ?? LogForm.Text
        );

    /// <summary>Null for no such word; a number is none.</summary>
    private static LogForm? FormOf(string word) =>
        Enum.GetValues<LogForm>()
            .Where(f => f.ToString().Equals(word, StringComparison.OrdinalIgnoreCase))
            .Cast<LogForm?>()
            .FirstOrDefault();

    private static void Validate(OptionResult result, string option, string words, Func<string, bool> isOne)
    {
        var word = result.GetValueOrDefault<string>() ?? "";
        if (!isOne(word))
            result.AddError($"{option} is \"{word}\": write {words}");
    }
}
