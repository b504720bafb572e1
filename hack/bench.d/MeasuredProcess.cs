using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Hostdev.Benchmarks;

/// <summary>A process whose processor time and memory are asked of the kernel (proc_pid_stat(5), proc_pid_status(5)).</summary>
internal sealed class MeasuredProcess : IDisposable
{
    /// <summary>USER_HZ: 100 on every architecture that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private readonly int _id;

    private MeasuredProcess(Process process, bool measureChild)
    {
        _process = process;
        _id = measureChild ? ChildOf(process) : process.Id;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    public string Said
    {
        get
        {
            lock (_said)
                return _said.ToString();
        }
    }

    /// <summary>User and system time since its start.</summary>
    public double CpuSeconds
    {
        get
        {
            var stat = File.ReadAllText($"/proc/{_id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture))
                / TicksPerSecond;
        }
    }

    /// <summary>What of it lies in memory.</summary>
    public double ResidentMegabytes => Status("VmRSS:") / 1000.0;

    /// <param name="measureChild">The process that it forks is meant, to be measured and to be stopped.</param>
    public static MeasuredProcess Start(string program, IEnumerable<string> arguments, bool measureChild = false)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new(Process.Start(start)!, measureChild);
    }

    /// <summary>Asks it to end, and waits.</summary>
    public void Stop()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", _id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }

        _process.WaitForExit();
    }

    public async Task<string> EndAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode == 0
            ? Said
            : throw new InvalidOperationException($"{_process.StartInfo.FileName} ended with {_process.ExitCode}: {Said}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Stop();
        _process.Dispose();
    }

    private static int ChildOf(Process process)
    {
        while (!process.HasExited)
        {
            var children = File.ReadAllText($"/proc/{process.Id}/task/{process.Id}/children").Trim();
            if (children.Length > 0)
                return int.Parse(children.Split(' ')[0], CultureInfo.InvariantCulture);
            Thread.Sleep(1);
        }

        return process.Id;
    }

    private long Status(string name)
    {
        var line = File.ReadLines($"/proc/{_id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line[name.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
    }

    private void Add(string? line)
    {
        if (line is null)
            return;
        lock (_said)
            _said.AppendLine(line);
    }
}
