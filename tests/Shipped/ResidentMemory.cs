using System.Globalization;

namespace Hostdev.Tests.Shipped;

/// <summary>What of a process lies in memory, now and at the most, as the kernel counts it (proc_pid_status(5)).</summary>
internal sealed class ResidentMemory(int process)
{
    public double Megabytes => Read("VmRSS:");

    /// <summary>Since the start, or since <see cref="ForgetMost"/>.</summary>
    public double MostMegabytes => Read("VmHWM:");

    /// <summary>The same of a process that may have ended by now: null then, as one that nobody has waited for yet has no memory.</summary>
    public double? MostMegabytesYet => File.Exists(Status) ? Find("VmHWM:") : null;

    /// <summary>proc_pid_clear_refs(5): 5 sets the most to what it is now.</summary>
    public void ForgetMost() => File.WriteAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/clear_refs"), "5");

    /// <summary>The first process that one has made.</summary>
    public static int ChildOf(int process) =>
        File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/task/{process}/children")).Trim()
            is { Length: > 0 } all
            ? int.Parse(all.Split(' ')[0], CultureInfo.InvariantCulture)
            : 0;

    private string Status => string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/status");

    private double Read(string name) => Find(name) ?? throw new InvalidOperationException($"{Status} has no {name}: has it ended?");

    private double? Find(string name) =>
        File.ReadLines(Status).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line[name.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture) / 1024.0
            : null;
}
