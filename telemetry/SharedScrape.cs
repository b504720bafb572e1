using System.Text;

namespace Hostdev.Telemetry;

/// <summary>
/// Texts of /metrics for those who read them: some have one of their own, and where many read at once the others get the last one again. So
/// those who read slowly hold few texts. Thread-safe.
/// </summary>
/// <param name="scrape">As <see cref="PrometheusExporter.Scrape"/>.</param>
internal sealed class SharedScrape(Func<string?> scrape, TimeProvider time) : IDisposable
{
    private const int Most = 4;

    private readonly SemaphoreSlim _one = new(1, 1);
    private byte[]? _last;
    private long _at;
    private int _reading;

    /// <param name="write">Gets the text, null when it cannot be had; it takes no longer than an answer may.</param>
    public async Task ReadAsync(Func<byte[]?, Task> write, CancellationToken cancellationToken)
    {
        var reading = Interlocked.Increment(ref _reading);
        try
        {
            await write(await TextAsync(reading, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        }
        finally
        {
            if (Interlocked.Decrement(ref _reading) == 0)
                _last = null;
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<byte[]?> TextAsync(int reading, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (reading > Most && _last is { } last && time.GetElapsedTime(_at) < MonitoringServer.LongestAnswer)
                return last;
            var text = scrape() is { } said ? Encoding.UTF8.GetBytes(said) : null;
            (_last, _at) = (text, time.GetTimestamp());
            return text;
        }
        finally
        {
            _one.Release();
        }
    }
}
