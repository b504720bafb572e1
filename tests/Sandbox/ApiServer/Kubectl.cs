using System.Diagnostics;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>What a kubectl said.</summary>
internal sealed record KubectlResult(int Code, string Output, string Errors)
{
    public KubectlResult Succeeded()
    {
        Assert.True(Code == 0, $"kubectl failed with {Code}: {Errors}{Output}");
        return this;
    }
}

/// <summary>The real kubectl on this machine's PATH, as a peer that nobody here wrote. HOSTDEV_KUBECTL names another one.</summary>
internal sealed class Kubectl : IDisposable
{
    private static readonly string s_program = Environment.GetEnvironmentVariable("HOSTDEV_KUBECTL") ?? "kubectl";
    private static readonly Lazy<int> s_minor = new(ReadMinor);

    private readonly string _home = Directory.CreateTempSubdirectory("hostdev-kubectl-").FullName;

    private readonly string _kubeconfig;

    public Kubectl(SimulatedApiServer server, string? token = null) => server.WriteKubeconfig(_kubeconfig = Path.Combine(_home, "config"), token);

    /// <param name="kubeconfig">Of any cluster.</param>
    public Kubectl(string kubeconfig) => _kubeconfig = kubeconfig;

    /// <summary>Of its version 1.MINOR.</summary>
    public static int Minor => s_minor.Value;

    public string File(string name, string text)
    {
        var path = Path.Combine(_home, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    public Task<KubectlResult> RunAsync(params string[] arguments) => RunAsync(null, arguments);

    public async Task<KubectlResult> RunAsync((string Name, string Value)? variable, string[] arguments)
    {
        using var process = Start(variable, arguments);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        return new KubectlResult(process.ExitCode, await output, await errors);
    }

    /// <summary>One that goes on, such as <c>get -w</c>; the caller ends it.</summary>
    public Process Start((string Name, string Value)? variable, params string[] arguments)
    {
        var start = new ProcessStartInfo(s_program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["KUBECONFIG"] = _kubeconfig;
        start.Environment["HOME"] = _home; // its caches go with it
        if (variable is var (name, value)) start.Environment[name] = value;
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException($"there is no {s_program} on the PATH: hack/test installs one, or: apt-get install kubernetes-client", e);
        }
    }

    public void Dispose() => Directory.Delete(_home, recursive: true);

    private static int ReadMinor()
    {
        var start = new ProcessStartInfo(s_program, ["version", "--client", "-o", "json"]) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"there is no {s_program} on the PATH");
        return int.Parse(JsonNode.Parse(process.StandardOutput.ReadToEnd())!["clientVersion"]!["minor"]!.ToString().TrimEnd('+'));
    }
}
