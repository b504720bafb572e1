using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Hostdev.Sandbox.Cluster;

/// <summary>The agent's log in a file, to be read after the story or beside it.</summary>
internal sealed class FileLog(string path, TimeProvider time) : ILoggerProvider
{
    private readonly Lock _gate = new();
    private StreamWriter? _file = new(path, append: true) { AutoFlush = true };

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    /// <summary>Nothing is written from here on: the process that logged is dead.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private void Write(LogLevel level, string category, string message, Exception? exception)
    {
        lock (_gate)
        {
            var at = time.GetUtcNow().ToString("HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            _file?.WriteLine($"{at} {level, -11} {category.Split('.')[^1]}: {message}{(exception is null ? "" : $"\n{exception}")}");
        }
    }

    private sealed class Logger(FileLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            if (IsEnabled(logLevel))
                log.Write(logLevel, category, formatter(state, exception), exception);
        }
    }
}
