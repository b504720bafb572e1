using System.Globalization;
using System.Runtime.InteropServices;

namespace Hostdev.DevicePlugin.Host;

/// <summary>Tells what a thread of this process waits for.</summary>
public interface IReaderThreads
{
    /// <summary>The ID of the calling thread, for <see cref="IsInKernel"/>.</summary>
    int Current { get; }

    /// <summary>
    /// Whether the thread sleeps in a call to the kernel, and so waits for it and not for the processor. True where that cannot be told.
    /// </summary>
    bool IsInKernel(int thread);
}

/// <summary>
/// By what <c>/proc/self/task/TID/syscall</c> says (proc_pid_syscall(5)): <c>running</c>, or the number of the call that it is blocked in.
/// </summary>
internal sealed class ReaderThreads : IReaderThreads
{
    /// <summary>
    /// A thread that waits for another thread of this process, as for a collection of garbage, does so in futex(2). Null where its number
    /// is not known here.
    /// </summary>
    private static readonly int? s_futex = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        _ => null,
    };

    public int Current => int.Parse(Path.GetFileName(new FileInfo("/proc/thread-self").LinkTarget ?? "0"), CultureInfo.InvariantCulture);

    public bool IsInKernel(int thread)
    {
        try
        {
            var call = File.ReadAllText($"/proc/self/task/{thread}/syscall").Split(' ', 2)[0].Trim();
            return call != "running" && call != s_futex?.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true; // a kernel without the file, or one that keeps it to itself
        }
    }
}
