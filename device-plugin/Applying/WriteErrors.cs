using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Sriov;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What an errno of a PCI attribute means, in an admin's words (contracts/kernel.md).</summary>
internal static class WriteErrors
{
    private const string MoreBusNumbers = VfBusNumbers.Remedy;
    private const string MoreMemorySpace = "switch on Above 4G decoding and SR-IOV in the firmware, or boot with pci=realloc";

    /// <summary>
    /// The reason of its own that an errno has together with what the kernel logged. ENOMEM of the number of VFs has three: no bus numbers,
    /// no memory space, and no memory, of which a driver may say nothing (kernel <c>drivers/pci/iov.c: sriov_enable</c>).
    /// </summary>
    public static Reason ReasonOf(KernelFile file, Errno error, IReadOnlyList<string> logged)
    {
        bool Says(string words) => logged.Any(l => l.Contains(words, StringComparison.Ordinal));
        if (file.Name != KernelFile.NumVfs || error != Errno.ENOMEM)
            return Reasons.StepFailed;
        // Before Linux 4.2 "SR-IOV: bus number out of range", since "can't enable 8 VFs (bus 02 out of range of [bus 01])".
        if (Says("bus number out of range") || (Says("can't enable") && Says("out of range of")))
            return Reasons.NoBusNumbers;
        return Says("not enough MMIO resources for SR-IOV") || Says("IOV BARS not allocated") ? Reasons.NoMmioSpace : Reasons.StepFailed;
    }

    /// <param name="now">What the file reads after it; null when that is not known.</param>
    /// <param name="reason">As <see cref="ReasonOf"/> has it, where that was asked.</param>
    public static string Explain(KernelFile file, Errno error, string? now = null, Reason? reason = null)
    {
        if (file.Name == KernelFile.NumVfs && OfNumVfs(error, now, reason) is { } words)
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
    private static string? OfNumVfs(Errno error, string? now, Reason? reason)
    {
        if (reason == Reasons.NoBusNumbers)
            return $"the port above has too few bus numbers for so many: ask for fewer VFs, or {MoreBusNumbers}";
        if (reason == Reasons.NoMmioSpace)
            return $"the firmware left too little memory space for the VFs' BARs: {MoreMemorySpace}";
        if (error == Errno.EBUSY && now == "0")
            return "there are no VFs, so its driver is busy: users in the kernel, such as of an accelerator's services, have to stop";
        if (error == Errno.EBUSY)
            return "VFs exist already, and the number changes only through 0";
        if (error == Errno.ERANGE)
            return "more than sriov_totalvfs";
        if (error == Errno.ENOENT)
            return "the physical function has no driver that makes VFs";
        if (error == Errno.ENOMEM)
        {
            return "no memory, or the firmware left too few bus numbers or too little memory space. Bus numbers: ask for fewer VFs, or "
                + $"{MoreBusNumbers}. Memory space: {MoreMemorySpace}";
        }

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
