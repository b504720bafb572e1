namespace Hostdev.DevicePlugin.Host;

/// <summary>What the kernel logs from the moment on at which this was made. Not for several threads at once.</summary>
public interface IKernelLog : IDisposable
{
    /// <summary>What was logged since, in order; empty where the log cannot be read.</summary>
    IReadOnlyList<KernelMessage> ReadNew();
}
