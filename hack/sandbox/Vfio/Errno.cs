using System.Globalization;

namespace Hostdev.Sandbox.Vfio;

/// <summary>An error number of the kernel, printed by the name that admins search for.</summary>
public readonly record struct Errno(int Number)
{
    public static readonly Errno EPERM = new(1);
    public static readonly Errno ENOENT = new(2);
    public static readonly Errno EBUSY = new(16);
    public static readonly Errno ENODEV = new(19);
    public static readonly Errno EINVAL = new(22);

    /// <summary>The symbolic name of those that vfio and iommufd return; the number of any other.</summary>
    public string Name =>
        Number switch
        {
            1 => "EPERM",
            2 => "ENOENT",
            4 => "EINTR",
            5 => "EIO",
            6 => "ENXIO",
            9 => "EBADF",
            11 => "EAGAIN",
            12 => "ENOMEM",
            13 => "EACCES",
            14 => "EFAULT",
            16 => "EBUSY",
            17 => "EEXIST",
            19 => "ENODEV",
            22 => "EINVAL",
            24 => "EMFILE",
            25 => "ENOTTY",
            28 => "ENOSPC",
            34 => "ERANGE",
            95 => "EOPNOTSUPP",
            110 => "ETIMEDOUT",
            _ => string.Create(CultureInfo.InvariantCulture, $"errno {Number}"),
        };

    public override string ToString() => Name;
}
