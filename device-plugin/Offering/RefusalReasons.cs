namespace Hostdev.DevicePlugin.Offering;

/// <summary>Why an Allocate was refused before anything was found out about the devices; all other reasons are planning's.</summary>
public static class RefusalReasons
{
    /// <summary>
    /// Cause: the kernel did not answer in time when the device's state was read. Remedy: look at dmesg, and for a process that holds it.
    /// </summary>
    public const string AllocateTimedOut = "AllocateTimedOut";

    /// <summary>Cause: the check failed by surprise. Remedy: as the message says.</summary>
    public const string AllocateFailed = "AllocateFailed";
}
