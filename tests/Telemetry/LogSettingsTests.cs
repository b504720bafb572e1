using System.CommandLine;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Hostdev.Tests.Telemetry;

/// <summary>What both programs take for their log.</summary>
public sealed class LogSettingsTests
{
    private readonly LogSettings _settings = new();
    private readonly RootCommand _command = [];

    public LogSettingsTests()
    {
        foreach (var option in _settings.Options)
            _command.Add(option);
    }

    [Theory]
    [InlineData("", LogLevel.Information)]
    [InlineData("-v", LogLevel.Debug)]
    [InlineData("--verbose --log-level error", LogLevel.Debug)]
    [InlineData("--log-level WARNING", LogLevel.Warning)]
    [InlineData("--log-level error --log-format JSON", LogLevel.Error)]
    public void The_least_that_is_logged_is_what_was_asked_for(string arguments, LogLevel least)
    {
        var parsed = _command.Parse(arguments);
        Assert.Empty(parsed.Errors);
        using var factory = _settings.Create(parsed);
        var logger = factory.CreateLogger("x");
        Assert.Equal((true, false), (logger.IsEnabled(least), logger.IsEnabled(least - 1)));
    }

    [Theory]
    [InlineData("--log-level loud", "--log-level is \"loud\": write debug, info, warning or error")]
    [InlineData("--log-level 1", "--log-level is \"1\": write debug, info, warning or error")]
    [InlineData("--log-format yaml", "--log-format is \"yaml\": write text or json")]
    [InlineData("--log-format 1", "--log-format is \"1\": write text or json")]
    public void Another_word_is_refused_with_those_that_there_are(string arguments, string message) =>
        Assert.Equal([message], _command.Parse(arguments).Errors.Select(e => e.Message));
}
