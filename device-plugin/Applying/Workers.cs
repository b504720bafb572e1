namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Where work goes that nothing else may wait for: lanes, and single calls that the kernel may block for ever. Tests that must come out the same each time
/// replace it by doing everything in place, one thing after the other.
/// </summary>
public class Workers
{
    /// <summary>Lanes side by side, each call on a thread of its own.</summary>
    public static Workers Threads { get; } = new();

    public virtual Task<T> RunLane<T>(Func<Task<T>> lane) => Task.Run(lane, CancellationToken.None);

    /// <summary>Returns at once; <paramref name="call"/> does not throw.</summary>
    public virtual void RunCall(Action call) => new Thread(() => call()) { IsBackground = true, Name = "sysfs" }.Start();
}
