using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;

namespace Hostdev.Telemetry;

/// <summary>
/// This process by the names that Prometheus' client libraries have for it ("Writing client libraries", Process metrics), and which build
/// it is. A program shows them by naming the meter.
/// </summary>
public static class ProcessMetrics
{
    private static readonly Meter s_meter = new("Hostdev.Process");

    static ProcessMetrics()
    {
        var (version, revision) = Build();
        s_meter.CreateObservableGauge(
            "hostdev.build.info",
            () =>
                new Measurement<long>(
                    1,
                    new("version", version),
                    new("revision", revision),
                    new("runtime", Environment.Version.ToString())
                ),
            description: "Always 1: which build of the program it is."
        );
        s_meter.CreateObservableCounter(
            "process.cpu",
            () => Environment.CpuUsage.TotalTime.TotalSeconds,
            "s",
            "Processor time that the process has used, of user and system."
        );
        s_meter.CreateObservableGauge("process.resident.memory", () => Environment.WorkingSet, "By", "Resident memory of the process.");
        s_meter.CreateObservableGauge(
            "process.virtual.memory",
            () => Now(p => p.VirtualMemorySize64),
            "By",
            "Address space of the process."
        );
        s_meter.CreateObservableGauge(
            "process.start.time",
            () => Now(p => (double)new DateTimeOffset(p.StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000),
            "s",
            "When the process began, in seconds since 1970."
        );
        s_meter.CreateObservableGauge("process.open.fds", OpenFiles, description: "File descriptors that are open.");
        s_meter.CreateObservableGauge("process.max.fds", MostFiles, description: "File descriptors that may be open.");
    }

    public static string MeterName => s_meter.Name;

    /// <summary>The version, and the commit that it was made of; "unknown" where it was not told.</summary>
    public static (string Version, string Revision) Build()
    {
        var told = typeof(ProcessMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return told?.Split('+', 2) switch
        {
            [var version, var revision] => (version, revision),
            [var version] => (version, "unknown"),
            _ => ("unknown", "unknown"),
        };
    }

    private static T Now<T>(Func<Process, T> read)
    {
        using var process = Process.GetCurrentProcess();
        return read(process);
    }

    private static IEnumerable<Measurement<long>> OpenFiles()
    {
        const string directory = "/proc/self/fd";
        if (Directory.Exists(directory))
            yield return new(Directory.EnumerateFileSystemEntries(directory).LongCount() - 1); // without the one that this look opened
    }

    /// <summary>The soft limit (<c>proc_pid_limits(5)</c>); nothing where there is none.</summary>
    private static IEnumerable<Measurement<long>> MostFiles()
    {
        const string limits = "/proc/self/limits";
        const string name = "Max open files";
        var line = File.Exists(limits) ? File.ReadLines(limits).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) : null;
        var words = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is [var soft, ..] && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var most))
            yield return new(most);
    }
}
