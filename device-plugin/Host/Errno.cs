namespace Hostdev.DevicePlugin.Host;

/// <summary>A Linux error number; zero is success (errno(3), generic numbering as on x86, ARM and POWER).</summary>
public readonly record struct Errno(int Value)
{
    public static readonly Errno None = new(0);
    public static readonly Errno EPERM = new(1);
    public static readonly Errno ENOENT = new(2);
    public static readonly Errno ESRCH = new(3);
    public static readonly Errno EINTR = new(4);
    public static readonly Errno EIO = new(5);
    public static readonly Errno ENXIO = new(6);
    public static readonly Errno EAGAIN = new(11);
    public static readonly Errno ENOMEM = new(12);
    public static readonly Errno EACCES = new(13);
    public static readonly Errno EBUSY = new(16);
    public static readonly Errno EEXIST = new(17);
    public static readonly Errno ENODEV = new(19);
    public static readonly Errno EXDEV = new(18);
    public static readonly Errno ENOTDIR = new(20);
    public static readonly Errno EINVAL = new(22);
    public static readonly Errno ENOTTY = new(25);
    public static readonly Errno ENOSPC = new(28);
    public static readonly Errno EROFS = new(30);
    public static readonly Errno EPIPE = new(32);
    public static readonly Errno ERANGE = new(34);
    public static readonly Errno ENOSYS = new(38);
    public static readonly Errno ELOOP = new(40);
    public static readonly Errno ENODATA = new(61);
    public static readonly Errno EMSGSIZE = new(90);
    public static readonly Errno EPROTONOSUPPORT = new(93);
    public static readonly Errno EOPNOTSUPP = new(95);
    public static readonly Errno EAFNOSUPPORT = new(97);
    public static readonly Errno ENOBUFS = new(105);
    public static readonly Errno ETIMEDOUT = new(110);
    public static readonly Errno EUCLEAN = new(117);

    public bool IsSuccess => Value == 0;

    /// <summary>The symbolic name, as the kernel's headers have it.</summary>
    public string Name =>
        Value switch
        {
            0 => "success",
            1 => "EPERM",
            2 => "ENOENT",
            3 => "ESRCH",
            4 => "EINTR",
            5 => "EIO",
            6 => "ENXIO",
            11 => "EAGAIN",
            12 => "ENOMEM",
            13 => "EACCES",
            16 => "EBUSY",
            17 => "EEXIST",
            18 => "EXDEV",
            19 => "ENODEV",
            20 => "ENOTDIR",
            21 => "EISDIR",
            22 => "EINVAL",
            25 => "ENOTTY",
            28 => "ENOSPC",
            30 => "EROFS",
            32 => "EPIPE",
            34 => "ERANGE",
            38 => "ENOSYS",
            40 => "ELOOP",
            61 => "ENODATA",
            90 => "EMSGSIZE",
            93 => "EPROTONOSUPPORT",
            95 => "EOPNOTSUPP",
            97 => "EAFNOSUPPORT",
            105 => "ENOBUFS",
            110 => "ETIMEDOUT",
            117 => "EUCLEAN",
            _ => $"errno {Value}",
        };

    public override string ToString() => Name;
}
