using System.Diagnostics;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Programs of the host, run as an admin would.</summary>
internal static class Command
{
    public static void Run(string command, params string[] arguments) => Assert.Null(Try(command, arguments));

    /// <summary>Null when it succeeded, else what it said.</summary>
    public static string? Try(string command, params string[] arguments) => Finish(command, arguments).Failure;

    /// <summary>What it printed, without the end of the last line.</summary>
    public static string Read(string command, params string[] arguments)
    {
        var (failure, output) = Finish(command, arguments);
        Assert.Null(failure);
        return output.TrimEnd();
    }

    private static (string? Failure, string Output) Finish(string command, string[] arguments)
    {
        using var process = Process.Start(Describe(command, arguments))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? (null, output.Result)
            : ($"{command} {string.Join(' ', arguments)}: exit code {process.ExitCode}: {error}{output.Result}", "");
    }

    /// <summary>A shell that runs <paramref name="script"/>, says that it has, and then waits: what it has open and mounted stays until it
    /// is disposed of.</summary>
    /// <param name="wrapper">A program that becomes the shell, for example <c>unshare -m</c>.</param>
    public static Waiting Hold(string script, params string[] wrapper)
    {
        string[] words = [.. wrapper, "sh", "-c", script + "\necho ready\nread end"];
        var process = Process.Start(Describe(words[0], words[1..]))!;
        Assert.Equal("ready", process.StandardOutput.ReadLine());
        return new Waiting(process);
    }

    private static ProcessStartInfo Describe(string command, string[] arguments) =>
        new(command, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

    internal sealed class Waiting(Process process) : IDisposable
    {
        public int ProcessId => process.Id;

        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
