using System.Collections.Concurrent;
using System.Diagnostics;
using Hostdev.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>What a program said.</summary>
internal sealed record ToolResult(string Tool, int Code, string Output, string Errors)
{
    public ToolResult Succeeded()
    {
        Assert.True(Code == 0, $"{Tool} failed with {Code}: {Errors}{Output}");
        return this;
    }
}

/// <summary>
/// One of the real command-line tools that <c>hack/kubetools</c> installs, as a peer that nobody here wrote: with a home of its own, which
/// goes with it, and a cluster.
/// </summary>
internal abstract class KubeTool : IDisposable
{
    /// <summary>The versions of <c>hack/kubetools</c>.</summary>
    public const string Newest = "1.35";
    public const string Oldest = "1.30";

    private static readonly ConcurrentDictionary<string, Lazy<string>> s_directories = [];

    private readonly string _program;
    private readonly string _kubeconfig;

    protected KubeTool(string program, SimulatedApiServer server, string? token)
        : this(program, "") => server.WriteKubeconfig(_kubeconfig = Path.Combine(Home, "config"), token);

    /// <param name="kubeconfig">Of any cluster.</param>
    protected KubeTool(string program, string kubeconfig) => (_program, _kubeconfig) = (program, kubeconfig);

    protected string Home { get; } = System.IO.Directory.CreateTempSubdirectory("hostdev-kubetool-").FullName;

    /// <summary>Where a version's tools are; they are installed there first where they are missing.</summary>
    public static string Directory(string version) => s_directories.GetOrAdd(version, v => new Lazy<string>(() => Install(v))).Value;

    public string File(string name, string text)
    {
        var path = Path.Combine(Home, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    public Task<ToolResult> RunAsync(params string[] arguments) => RunAsync(null, arguments);

    public async Task<ToolResult> RunAsync((string Name, string Value)? variable, string[] arguments)
    {
        using var process = Start(variable, arguments);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(180));
        await process.WaitForExitAsync(limit.Token);
        return new ToolResult(Path.GetFileName(_program), process.ExitCode, await output, await errors);
    }

    /// <summary>One that goes on, such as <c>get -w</c>; the caller ends it.</summary>
    public Process Start((string Name, string Value)? variable, params string[] arguments)
    {
        var start = new ProcessStartInfo(_program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        start.Environment["KUBECONFIG"] = _kubeconfig;
        start.Environment["HOME"] = Home; // caches and settings go with it
        foreach (var part in (string[])["CACHE", "CONFIG", "DATA"])
        {
            start.Environment.Remove($"HELM_{part}_HOME");
            start.Environment.Remove($"XDG_{part}_HOME");
        }

        if (variable is var (key, value))
            start.Environment[key] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{_program} cannot be started");
    }

    public void Dispose() => System.IO.Directory.Delete(Home, recursive: true);

    private static string Install(string version)
    {
        var start = new ProcessStartInfo("bash", [Repository.Path("hack", "kubetools"), version])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var directory = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? directory : throw new InvalidOperationException($"hack/kubetools {version} failed: {errors.Result}");
    }
}
