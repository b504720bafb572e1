using System.Globalization;

namespace Hostdev.Tests.Lab;

/// <summary>
/// What a process writes to <c>/sys</c> right now, by the kernel's own account: <c>/proc/PID/task/TID/syscall</c> names the system call
/// that a thread is in and its arguments (proc(5)).
/// </summary>
internal static class SysfsWrites
{
    // write, pwrite64, writev and pwritev of x86_64.
    private static readonly string[] Writes = ["1", "18", "20", "296"];

    /// <summary>The files below <c>/sys</c> that threads of the process are in a write(2) on; empty when none is.</summary>
    public static IReadOnlyList<string> UnderWay(int process)
    {
        var proc = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}");
        return
        [
            .. Directory
                .GetDirectories($"{proc}/task")
                .Select(t => Target(proc, t))
                .OfType<string>()
                .Where(f => f.StartsWith("/sys/", StringComparison.Ordinal)),
        ];
    }

    private static string? Target(string proc, string thread)
    {
        try
        {
            var call = File.ReadAllText($"{thread}/syscall").Split(' ');
            if (call.Length < 2 || !Writes.Contains(call[0]))
                return null;
            var descriptor = int.Parse(call[1].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"{proc}/fd/{descriptor}")).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // the thread has ended meanwhile
        }
    }
}
