using System.Diagnostics;
using Xunit.Sdk;

namespace Hostdev.Tests.Lab;

/// <summary>Another process that holds a device as a running VM does: <c>hostdev-sandbox vfio hold</c>. It lets go when it is disposed of.</summary>
internal sealed class VfioHolder : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process process;

    private VfioHolder(Process process) => this.process = process;

    public int ProcessId => process.Id;

    public static Task<VfioHolder> HoldGroupAsync(string group, string device, CancellationToken cancellationToken) =>
        StartAsync(["vfio", "hold", "--group", group, "--device", device], cancellationToken);

    public static Task<VfioHolder> HoldCdevAsync(string cdevPath, CancellationToken cancellationToken) =>
        StartAsync(["vfio", "hold", "--cdev", cdevPath], cancellationToken);

    /// <summary>Closes the holder's stdin, waits for its end and returns its exit code.</summary>
    public int LetGo()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(Patience)) throw new XunitException($"the holder still ran {Patience} after its stdin was closed");
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }

        process.Dispose();
    }

    private static async Task<VfioHolder> StartAsync(string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "hostdev-sandbox"), arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var started = Process.Start(start)!;
        var first = await started.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(Patience, cancellationToken);
        if (first == "held") return new VfioHolder(started);
        throw new XunitException($"the holder did not take the device: {await started.StandardError.ReadToEndAsync(cancellationToken)}");
    }
}
