namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// What an errno means that the kernel gives for a setting of a virtual function, in an admin's words (kernel <c>net/core/rtnetlink.c:
/// do_setvfinfo</c>, and each driver's <c>ndo_set_vf_*</c>).
/// </summary>
public static class VfErrors
{
    /// <summary>Goes on after "failed: ".</summary>
    /// <param name="setting">For example <c>vf 3 rate</c>.</param>
    public static string OfSetting(string setting, Errno error) =>
        error.Name switch
        {
            "EOPNOTSUPP" => $"EOPNOTSUPP: {NoSuchSetting}",
            "EINVAL" when setting.EndsWith(" rate", StringComparison.Ordinal) =>
                "EINVAL: its driver does not take these rates: many have no minTxRate (igb among them), and some take maxTxRate only while "
                    + "the physical function's link is up, and up to its speed: set the interface up, or change or remove them",
            "EINVAL" => "EINVAL: its driver does not take this value: change it, or remove it from the pool's network",
            "EPERM" or "EACCES" => $"{error}: the agent may not; run it as root with CAP_NET_ADMIN",
            "EBUSY" or "EAGAIN" => $"{error}: its driver is busy with it, for example with a reset: it is tried again",
            "ENODEV" => $"ENODEV: {NoInterface}",
            _ => $"{error}: look at dmesg for what its driver says",
        };

    /// <summary>Goes on after the setting and "it ".</summary>
    public static string OfRead(Errno error) =>
        error.Name switch
        {
            "EOPNOTSUPP" => $"is not there (EOPNOTSUPP): {NoSuchSetting}",
            "ENODATA" =>
                "was not read (ENODATA): what the kernel tells of virtual functions ends before this one, because it has room for some "
                    + "200 of them: make fewer, or let the pools with a network have the first ones",
            "ENODEV" => $"cannot be read (ENODEV): {NoInterface}",
            "EPERM" or "EACCES" => $"cannot be read: {error}: the agent may not; run it as root with CAP_NET_ADMIN and CAP_SYS_ADMIN",
            "ETIMEDOUT" => "did not answer in time: the kernel waits for the driver, or for somebody who changes networks",
            _ => $"cannot be read: {error}: look at dmesg for what its driver says",
        };

    private const string NoSuchSetting =
        "the physical function's driver has no such setting: remove it from the pool's network, or use a card that has it";

    private const string NoInterface =
        "the physical function has no network interface in any network namespace of this host: give it its host driver, or remove network "
        + "from the pool";
}
