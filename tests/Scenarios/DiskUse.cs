namespace Hostdev.Tests.Scenarios;

/// <summary>The ways in which a host uses a disk.</summary>
public enum DiskUse
{
    Mount,
    MountedPartition,
    DeviceMapper,
    DeviceMapperOnPartition,
    Md,
    Swap,
    SwapOnPartition,
    MountInOtherNamespace,
    Loop,

    /// <summary>The kernel's SCSI target passes the device on: a SCSI device of any kind.</summary>
    ScsiTarget,

    /// <summary>A process has the disk open.</summary>
    Open,

    /// <summary>A process has a node open that it made itself and removed again.</summary>
    OpenByOtherName,

    /// <summary>A process has the controller's node open.</summary>
    OpenController,

    /// <summary>A mount that no namespace shows any more: the kernel says busy and not who.</summary>
    Nameless,
}

/// <summary>A use that goes on until it is disposed of.</summary>
/// <param name="words">What the agent is to say of it.</param>
/// <param name="ends">What ends it, in order.</param>
internal sealed class DiskUser(string words, params Action[] ends) : IDisposable
{
    private Action[] _ends = ends;

    public string Words { get; } = words;

    public void Dispose()
    {
        foreach (var end in Interlocked.Exchange(ref _ends, []))
            end();
    }
}
