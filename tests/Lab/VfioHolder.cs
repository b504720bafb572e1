using System.Diagnostics;
using Xunit.Sdk;

namespace Hostdev.Tests.Lab;

/// <summary>
/// Another process that holds a device as a running VM does: <c>hostdev-sandbox vfio hold</c>. It lets go when it is disposed of.
/// </summary>
internal sealed class VfioHolder : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process process;
    private int requests;

    private VfioHolder(Process process)
    {
        this.process = process;
        _ = CountRequestsAsync();
    }

    public int ProcessId => process.Id;

    /// <summary>How often the kernel asked for the device; known of what is held by group, or by a bound cdev.</summary>
    public int Requests => Volatile.Read(ref requests);

    public static Task<VfioHolder> HoldGroupAsync(string group, string device, CancellationToken cancellationToken) =>
        StartAsync(["vfio", "hold", "--group", group, "--device", device], cancellationToken);

    public static Task<VfioHolder> HoldCdevAsync(string cdevPath, CancellationToken cancellationToken) =>
        StartAsync(["vfio", "hold", "--cdev", cdevPath], cancellationToken);

    /// <summary>Only opens the character device, as a VMM does before it binds an iommufd.</summary>
    public static Task<VfioHolder> HoldUnboundCdevAsync(string cdevPath, CancellationToken cancellationToken) =>
        StartAsync(["vfio", "hold", "--cdev", cdevPath, "--unbound"], cancellationToken);

    /// <summary>Has a USB device, its first interface taken from its driver.</summary>
    public static Task<VfioHolder> HoldUsbAsync(string node, CancellationToken cancellationToken) =>
        StartAsync(["usb", "hold", node], cancellationToken);

    /// <summary>Closes the holder's stdin, waits for its end and returns its exit code.</summary>
    public int LetGo()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(Patience))
            throw new XunitException($"the holder still ran {Patience} after its stdin was closed");
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
        if (first == "held")
            return new VfioHolder(started);
        throw new XunitException($"the holder did not take the device: {await started.StandardError.ReadToEndAsync(cancellationToken)}");
    }

    // Ends with the process, or with its stream when this is disposed of.
    private async Task CountRequestsAsync()
    {
        try
        {
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line == "asked")
                    Interlocked.Increment(ref requests);
            }
        }
        catch (ObjectDisposedException)
        {
            // Nobody asks any more.
        }
    }
}
