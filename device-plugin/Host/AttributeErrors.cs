namespace Hostdev.DevicePlugin.Host;

/// <summary>What an errno means of a file that somebody else named, in an admin's words, with what to do.</summary>
public static class AttributeErrors
{
    /// <summary>Goes on after "failed: ".</summary>
    public static string OfWrite(Errno error) =>
        error.Name switch
        {
            "EINVAL" => "EINVAL: its driver does not take this value: write one that the guide or the driver's documentation has for it",
            "EPERM" => "EPERM: the hardware or its firmware does not let it be changed: remove it from attributes, or update the firmware",
            "EIO" => "EIO: the card's firmware refused it: try a smaller value, and look at dmesg",
            "EOPNOTSUPP" => "EOPNOTSUPP: its driver has no such setting: remove it from attributes, or use another driver",
            "EBUSY" =>
                "EBUSY: it cannot be changed as things are: a function that has a driver, or virtual functions that are there, keep it",
            "ENOSPC" or "ENOMEM" => $"{error}: the card has not so much left: ask for less, or take it from its other functions",
            "EACCES" => "EACCES: the agent may not write it; run it as root with CAP_SYS_ADMIN",
            _ => OfOpening(error) ?? $"{error}: look at dmesg for what its driver says",
        };

    /// <summary>Goes on after the path and "it ".</summary>
    public static string OfRead(Errno error) =>
        error.Name switch
        {
            "EUCLEAN" => "cannot be read: EUCLEAN: the parts of the card (its tiles) have different values: write one to it by hand",
            "EIO" => "cannot be read: EIO: the card's firmware does not answer; look at dmesg, reset the card or reboot",
            "EPERM" or "EACCES" => $"cannot be read: {error}: the agent may not; run it as root with CAP_SYS_ADMIN",
            "ETIMEDOUT" => "did not answer in time: the kernel waits for somebody who holds the device",
            _ => OfOpening(error) ?? $"cannot be read: {error}: look at dmesg for what its driver says",
        };

    public const string ReadOnly = "is read-only: its driver does not let it be changed here; remove it from attributes";

    private static string? OfOpening(Errno error) =>
        error.Name switch
        {
            "ENOENT" or "ENODEV" or "ENOTDIR" => $"is not there ({error}): the device's driver, or this kernel, has no such file",
            "ELOOP" =>
                "is or lies behind a link (ELOOP), which leads to another device and is not followed: name a file of the device itself",
            "EXDEV" => "leads out of the device's directory (EXDEV): name a file of the device itself",
            "ENOSYS" => "cannot be opened without following links (ENOSYS): that takes openat2 of Linux 5.6 or later",
            "EROFS" => "is on a sysfs that is mounted read-only (EROFS): the agent needs /sys writable",
            _ => null,
        };
}
