namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Threads for what nothing else may wait for, since the kernel may keep it for ever: each has its own, and none is of the pool, which
/// would run dry. What hangs is given up by <see cref="KernelCalls{TCall}"/>; the thread stays with it. Tests that must come out the same
/// each time replace this by doing everything in place, one thing after the other.
/// </summary>
public class KernelThreads
{
    public static KernelThreads Own { get; } = new();

    /// <summary>Returns at once; <paramref name="body"/> does not throw.</summary>
    /// <param name="name">What the thread is called in the process, for whoever looks where it hangs.</param>
    public virtual void Start(string name, Action body) => new Thread(() => body()) { IsBackground = true, Name = name }.Start();

    /// <summary>Work of several calls. Its first part runs on the thread, and what follows a wait wherever that ends.</summary>
    public Task<T> RunAsync<T>(string name, Func<Task<T>> work)
    {
        var end = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(name, () => _ = FinishAsync(work, end));
        return end.Task;
    }

    /// <summary>One call, or several without a wait between them. Whoever does not wait for the end throws away what came of it.</summary>
    public Task<T> CallAsync<T>(string name, Func<T> call) => RunAsync(name, () => Task.FromResult(call()));

    private static async Task FinishAsync<T>(Func<Task<T>> work, TaskCompletionSource<T> end)
    {
        try
        {
            end.SetResult(await work().ConfigureAwait(false));
        }
#pragma warning disable CA1031 // The exception belongs to whoever awaits the end, not to this thread.
        catch (Exception e)
#pragma warning restore CA1031
        {
            end.SetException(e);
        }
    }
}
