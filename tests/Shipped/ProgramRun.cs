using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace Hostdev.Tests.Shipped;

/// <summary>A program that runs beside the test; it is killed at the latest when this is disposed of.</summary>
internal sealed partial class ProgramRun : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private ProgramRun(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Both streams, in the order in which lines came.</summary>
    public string Said
    {
        get
        {
            lock (_said)
                return _said.ToString();
        }
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public static ProgramRun Start(string program, params string[] arguments) => Start(program, [], arguments);

    /// <param name="environment">Variables beside the test's own.</param>
    public static ProgramRun Start(string program, IEnumerable<(string Name, string Value)> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("DOTNET_GCgen0size"); // of hack/test --fast: what a program takes is its own
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new ProgramRun(Process.Start(start)!);
    }

    /// <summary>Waits for its end.</summary>
    public async Task<(int ExitCode, string Said)> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (_process.ExitCode, Said);
    }

    /// <summary>Sends SIGTERM.</summary>
    /// <returns>Its exit code, and how long the end took.</returns>
    public async Task<(int ExitCode, TimeSpan Took)> TerminateAsync()
    {
        const int sigterm = 15;
        var began = TimeProvider.System.GetTimestamp();
        Assert.Equal(0, Kill(_process.Id, sigterm));
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (_process.ExitCode, TimeProvider.System.GetElapsedTime(began));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null)
            return;
        lock (_said)
            _said.AppendLine(line);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
