namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Where work goes that nothing else may wait for: lanes, and single calls that the kernel may block for ever. Tests that must come out the
/// same each time replace it by doing everything in place, one thing after the other.
/// </summary>
public class Workers
{
    /// <summary>Lanes side by side, each call on a thread of its own.</summary>
    public static Workers Threads { get; } = new();

    /// <summary>Its first part, the proof and the journal, waits for disk and kernel.</summary>
    public virtual Task<T> RunLane<T>(Func<Task<T>> lane) => OnOwnThread(lane).Unwrap();

    /// <summary>A look at the machine: as long as the kernel takes for it.</summary>
    public static Task<T> OnOwnThread<T>(Func<T> look) =>
        Task.Factory.StartNew(look, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Returns at once; <paramref name="call"/> does not throw.</summary>
    public virtual void RunCall(Action call) => new Thread(() => call()) { IsBackground = true, Name = "sysfs" }.Start();
}
