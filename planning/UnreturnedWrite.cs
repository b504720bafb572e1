using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.Planning;

/// <summary>
/// A write of ours that the kernel has not returned by its deadline. It cannot be cancelled, and what is read of the device meanwhile waits
/// for it: so it is the cause, whatever else seems to be wrong.
/// </summary>
/// <param name="Device">What is written to, or about.</param>
/// <param name="Path">The file, as on the host.</param>
/// <param name="For">Since it began.</param>
public sealed record UnreturnedWrite(DeviceId Device, string Path, TimeSpan For)
{
    private const string Unbind = "/unbind";

    /// <summary>What it is, whom it waits for, and what to do; and what not to do, because it would wait as well.</summary>
    public string InWords()
    {
        var since = string.Create(CultureInfo.InvariantCulture, $"has not returned for {For.TotalSeconds:F0} s");
        const string never =
            "It goes on when they let go, and cannot be cancelled: a write to its remove file, or a rescan, "
            + "would hang as well and hold up all of the machine's PCI";
        if (Path.EndsWith(Unbind, StringComparison.Ordinal))
        {
            var driver = Path[..^Unbind.Length].Split('/')[^1];
            return $"our own unbind from {driver} {since}: its driver waits for its users{UsersOf(driver)}. {never}";
        }

        var file = Path.Split('/')[^1];
        var whom = file == "sriov_numvfs" ? "the users of its virtual functions" : "who holds it";
        return $"our own write to {file} {since}: the kernel waits for {whom}. {never}";
    }

    /// <summary>Where a driver's users are known to be no processes that could be named.</summary>
    private static string UsersOf(string driver) =>
        driver switch
        {
            "nvidia" => ", which may be in the kernel (nvidia-smi -pm 0 ends its persistence mode; stop nvidia-persistenced)",
            "mlx5_core" or "mlx4_core" or "irdma" => ", which may be in the kernel (RDMA: unmount what comes over it, end what uses it)",
            _ => "",
        };
}
