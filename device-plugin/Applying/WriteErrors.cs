using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What an errno of a PCI attribute means, in an admin's words (contracts/kernel.md).</summary>
internal static class WriteErrors
{
    /// <param name="now">What the file reads after it; null when that is not known.</param>
    public static string Explain(KernelFile file, Errno error, string? now = null)
    {
        if (file.Name == KernelFile.NumVfs && OfNumVfs(error, now) is { } words)
            return $"{error}: {words}";
        if (error == Errno.ENOTTY && file.Name == "reset")
            return "ENOTTY: none of the ways in reset_method works here";
        if (file.Name == MdevFiles.CreateName && OfMdev(error) is { } mdev)
            return $"{error}: {mdev}";
        if (error == Errno.EROFS)
            return "EROFS: sysfs is mounted read-only here; the agent needs /sys writable";
        if (error == Errno.EACCES || error == Errno.EPERM)
            return $"{error}: the agent may not write it; run it as root with CAP_SYS_ADMIN";
        if (error == Errno.ENOENT)
            return "ENOENT: the file is not there; the driver or the device went away";
        return error == Errno.ENODEV ? "ENODEV: the driver does not have, or does not take, this device" : error.ToString();
    }

    private static string? OfMdev(Errno error) =>
        error == Errno.ENOSPC ? "its parent has no room for another of this type"
        : error == Errno.EEXIST ? "a mediated device of this UUID is there already, on some parent"
        : null;

    /// <summary>Some are the kernel's own (<c>drivers/pci/iov.c</c>), the others the driver's, which has its reasons.</summary>
    private static string? OfNumVfs(Errno error, string? now)
    {
        if (error == Errno.EBUSY && now == "0")
            return "there are no VFs, so its driver is busy: users in the kernel, such as of an accelerator's services, have to stop";
        if (error == Errno.EBUSY)
            return "VFs exist already, and the number changes only through 0";
        if (error == Errno.ERANGE)
            return "more than sriov_totalvfs";
        if (error == Errno.ENOENT)
            return "the physical function has no driver that makes VFs";
        if (error == Errno.ENOMEM)
            return "the firmware left too few bus numbers or too little memory space; boot with pci=realloc";
        if (error == Errno.ENOSPC)
        {
            return "its driver has no interrupt vectors (MSI-X) left for so many: "
                + "ask for fewer VFs, or free some (of an E810: unload irdma)";
        }

        if (error == Errno.EOPNOTSUPP)
            return "its driver makes no VFs as it is set up now (safe mode, a bond, switchdev rules)";
        return error == Errno.EINVAL ? "its driver does not take this number as it is set up now" : null;
    }
}
