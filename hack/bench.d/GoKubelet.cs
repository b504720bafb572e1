using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Hostdev.Benchmarks;

/// <summary>What a run of calls gave, seen by the client.</summary>
/// <param name="P50">Microseconds, as <paramref name="P99"/>.</param>
/// <param name="Rate">Calls a second, of all callers.</param>
internal sealed record Load(double P50, double P99, double Rate);

/// <summary>A kubelet in Go (<c>hack/bench.d/load</c>), which registers plugins and calls them as often as it is told.</summary>
internal sealed class GoKubelet : IDisposable
{
    private readonly Process _process;

    private GoKubelet(Process process, string directory) => (_process, Directory) = (process, directory);

    public string Directory { get; }

    public static async Task<GoKubelet> StartAsync(string program, string directory, CancellationToken cancellationToken)
    {
        System.IO.Directory.CreateDirectory(directory);
        var process = Process.Start(
            new ProcessStartInfo(program, ["kubelet", directory])
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            }
        )!;
        while (!File.Exists(Path.Combine(directory, "kubelet.sock")))
        {
            if (process.HasExited)
                throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
            await Task.Delay(10, cancellationToken);
        }

        return new GoKubelet(process, directory);
    }

    /// <summary>Waits until the resource is registered, then calls.</summary>
    public async Task<Load> CallAsync(string resource, int callers, int calls, string id, CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(
            string.Create(CultureInfo.InvariantCulture, $"{resource} {callers} {calls} {id}").AsMemory(),
            cancellationToken
        );
        await _process.StandardInput.FlushAsync(cancellationToken);
        var line =
            await _process.StandardOutput.ReadLineAsync(cancellationToken)
            ?? throw new InvalidOperationException("the Go kubelet ended: see above");
        using var answer = JsonDocument.Parse(line);
        double Of(string name) => answer.RootElement.GetProperty(name).GetDouble();
        return new Load(Of("p50"), Of("p99"), Of("rate"));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
