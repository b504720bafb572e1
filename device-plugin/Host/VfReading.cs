using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host;

/// <summary>What a physical function has for its virtual functions (<see cref="IHostCalls.ReadVfs"/>).</summary>
/// <param name="Error">ENODEV where it has no network interface in any namespace of the host.</param>
/// <param name="Settings">By <c>vf 3 vlan</c>; null for one that its driver does not have. What is not in it was not read, which says
/// nothing about it.</param>
public sealed record VfReading(Errno Error, ImmutableDictionary<string, string?> Settings)
{
    private const int Everybody = 0x1b6; // 0666

    public static VfReading Failed(Errno error) => new(error, ImmutableDictionary<string, string?>.Empty);

    /// <summary>
    /// One of them, as a file would be looked at: EOPNOTSUPP where the driver does not have it, ENODATA where it was not among what the
    /// kernel told.
    /// </summary>
    public BelowLook Of(string setting) =>
        !Error.IsSuccess ? new BelowLook(Error, 0, null)
        : !Settings.TryGetValue(setting, out var text) ? new BelowLook(Errno.ENODATA, 0, null)
        : text is null ? new BelowLook(Errno.EOPNOTSUPP, 0, null)
        : new BelowLook(Errno.None, Everybody, text);
}
