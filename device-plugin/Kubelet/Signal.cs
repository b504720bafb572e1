namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Wakes everybody who waits for the next change. Take <see cref="Next"/> before reading the state it guards, then no change is missed.
/// </summary>
internal sealed class Signal
{
    private volatile TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Next => _next.Task;

    public void Fire() =>
        Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
