using System.Globalization;

namespace Hostdev.DevicePlugin.Host;

/// <summary>What a path leads to, by the kernel's word and not by any name.</summary>
/// <param name="Error">Success exactly when it could be looked at; what follows is empty otherwise.</param>
/// <param name="Device">Null for what is no device node.</param>
/// <param name="Inode">The file's number on its file system.</param>
/// <param name="Size">In bytes; of <c>/proc/PID/fd</c> the number of descriptors (since Linux 6.2, 0 before).</param>
public readonly record struct FileLook(Errno Error, FileKind Kind, DeviceNumber? Device, ulong Inode, ulong Size)
{
    public static FileLook Failed(Errno error) => new(error, FileKind.Other, null, 0, 0);
}

public enum FileKind
{
    /// <summary>A directory, a pipe, a socket.</summary>
    Other,

    /// <summary>A regular file.</summary>
    File,

    /// <summary>A device node.</summary>
    Device,

    /// <summary>What has no file behind it: an eventfd, a VFIO device (kernel <c>fs/anon_inodes.c</c>).</summary>
    Anonymous,
}

/// <summary>What st_rdev says: a node made with mknod under another name has the same.</summary>
public readonly record struct DeviceNumber(bool IsBlock, uint Major, uint Minor)
{
    /// <summary>As sysfs prints it in <c>dev</c> and names it in <c>/sys/dev</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}:{Minor}");

    /// <summary>
    /// As <see cref="ToString"/> of a character device; of a block device <c>b 8:0</c>, which is no character device 8:0.
    /// </summary>
    public string WithKind => IsBlock ? $"b {this}" : ToString();
}

public static class FileLooks
{
    /// <summary>Which device a node is, by its device number; null when it is no device node or cannot be looked at.</summary>
    public static DeviceNumber? ReadDeviceNumber(this IHostCalls calls, string path) => calls.Look(path).Device;
}
