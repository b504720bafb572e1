using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// The PCIe errors that the kernel counts (kernel <c>Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats</c>) of what is offered and
/// of what is above it. The kernel's counts begin anew when a device is found anew: what is told here only grows while a device is watched.
/// A file that cannot be read leaves its count as it was. Thread-safe.
/// </summary>
public sealed class PcieErrorCounters(HostPaths paths, TimeProvider time)
{
    /// <summary>
    /// However often somebody asks for all of them, the files are read so seldom; those of uncorrectable errors also when the agent looks.
    /// </summary>
    public static readonly TimeSpan LeastBetween = TimeSpan.FromSeconds(30);

    /// <summary>So long after the last one uncorrectable errors are news.</summary>
    public static readonly TimeSpan NewsLast = TimeSpan.FromHours(1);

    private readonly HostFileReader _files = new(paths);
    private readonly Lock _gate = new();
    private readonly Dictionary<PcieErrorKey, Count> _counts = [];
    private readonly Dictionary<PciAddress, PcieErrors> _news = [];
    private ImmutableHashSet<PcieErrorKey> _watched = [];
    private DateTimeOffset? _readAt;

    /// <summary>
    /// Whose errors are counted from now on: of others nothing is told any more. What the kernel has counted until now is no news.
    /// </summary>
    public void Watch(IEnumerable<PciFunction> functions)
    {
        var there = functions.ToDictionary(f => f.Address);
        var watched = there.Values.SelectMany(f => Enum.GetValues<PcieSeverity>().SelectMany(s => KeysOf(f, s))).ToImmutableHashSet();
        lock (_gate)
        {
            var added = watched.Except(_watched).Where(IsNewsOf);
            _watched = watched;
            foreach (var gone in _counts.Keys.Where(k => !watched.Contains(k)).ToList())
                _counts.Remove(gone);
            foreach (var gone in _news.Keys.Where(a => !there.ContainsKey(a)).ToList())
                _news.Remove(gone);
            var now = time.GetUtcNow();
            foreach (var key in added)
                Update(key, now);
        }
    }

    /// <summary>All counts, by device and severity; those that the kernel does not keep are left out.</summary>
    public ImmutableArray<PcieErrorCount> Read()
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_readAt is not { } last || now - last >= LeastBetween || now < last)
            {
                _readAt = now;
                foreach (var key in _watched)
                    Update(key, now);
            }

            return
            [
                .. _counts
                    .OrderBy(c => c.Key.Device)
                    .ThenBy(c => c.Key.IsRootPort)
                    .ThenBy(c => c.Key.Severity)
                    .Select(c => new PcieErrorCount(c.Key, c.Value.Total)),
            ];
        }
    }

    /// <summary>Looks whether something that is watched has reported uncorrectable errors, and tells what is news.</summary>
    public ImmutableArray<PcieErrors> Look()
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            foreach (var key in _watched.Where(IsNewsOf))
                Update(key, now);
            foreach (var old in _news.Values.Where(n => now - n.Last >= NewsLast).ToList())
                _news.Remove(old.Function);
            return [.. _news.Values.OrderBy(n => n.Function)];
        }
    }

    private void Update(PcieErrorKey key, DateTimeOffset now)
    {
        if (ReadOne(key) is not { } seen)
            return;
        if (!_counts.TryGetValue(key, out var before))
        {
            _counts[key] = new Count(seen, seen);
            return;
        }

        var more = seen >= before.Seen ? seen - before.Seen : seen;
        _counts[key] = new Count(seen, before.Total + more);
        if (more == 0 || !IsNewsOf(key))
            return;
        var news = _news.GetValueOrDefault(key.Device) ?? new PcieErrors(key.Device, 0, 0, now);
        _news[key.Device] =
            key.Severity == PcieSeverity.Fatal
                ? news with
                {
                    Fatal = news.Fatal + more,
                    Last = now,
                }
                : news with
                {
                    NonFatal = news.NonFatal + more,
                    Last = now,
                };
    }

    /// <summary>Of a bridge both: what it reported itself, and what it received, which the kernel counts of root ports alone.</summary>
    private static IEnumerable<PcieErrorKey> KeysOf(PciFunction function, PcieSeverity severity)
    {
        yield return new PcieErrorKey(function.Address, severity, IsRootPort: false);
        if (function.IsBridge)
            yield return new PcieErrorKey(function.Address, severity, IsRootPort: true);
    }

    /// <summary>What a root port received somebody has reported: that is the news.</summary>
    private static bool IsNewsOf(PcieErrorKey key) => key is { IsRootPort: false, Severity: not PcieSeverity.Correctable };

    /// <summary>Null where the kernel keeps no such count, or it is not understood.</summary>
    private long? ReadOne(PcieErrorKey key)
    {
        var directory = $"/sys/bus/pci/devices/{key.Device}";
        if (key.IsRootPort)
            return Number(_files.ReadText($"{directory}/aer_rootport_total_err_{PortWord(key.Severity)}").Text);
        var (file, total) = key.Severity switch
        {
            PcieSeverity.Correctable => ("aer_dev_correctable", "TOTAL_ERR_COR "),
            PcieSeverity.NonFatal => ("aer_dev_nonfatal", "TOTAL_ERR_NONFATAL "),
            _ => ("aer_dev_fatal", "TOTAL_ERR_FATAL "),
        };
        var lines = _files.ReadText($"{directory}/{file}").Text?.Split('\n');
        return Number(lines?.FirstOrDefault(l => l.StartsWith(total, StringComparison.Ordinal))?[total.Length..]);
    }

    private static string PortWord(PcieSeverity severity) =>
        severity switch
        {
            PcieSeverity.Correctable => "cor",
            PcieSeverity.NonFatal => "nonfatal",
            _ => "fatal",
        };

    private static long? Number(string? text) =>
        long.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <param name="Seen">What the kernel's file read last.</param>
    private sealed record Count(long Seen, long Total);
}
