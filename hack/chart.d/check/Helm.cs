using System.Diagnostics;

namespace Hostdev.Charts;

/// <summary>A helm program. It asks no cluster; where its cache and settings are is the caller's environment.</summary>
internal sealed class Helm
{
    private readonly string _program;

    private Helm(string program, string version) => (_program, Version) = (program, version);

    /// <summary>As in <c>v4.1.4</c>.</summary>
    public string Version { get; }

    /// <param name="program">The path of the program.</param>
    public static async Task<Helm> FindAsync(string program)
    {
        var result = await RunAsync(program, "version", "--template", "{{.Version}}");
        if (!result.Succeeded)
            throw new InvalidOperationException($"{program} version: {result.Errors}");
        return new Helm(program, result.Output.Trim());
    }

    /// <summary>The manifests of the release <c>hostdev</c> in the namespace <c>hostdev-system</c>, hooks among them.</summary>
    /// <param name="values">A file.</param>
    public Task<HelmResult> TemplateAsync(string chart, string values) =>
        RunAsync(_program, "template", "hostdev", chart, "--namespace", "hostdev-system", "--values", values);

    private static async Task<HelmResult> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new HelmResult(process.ExitCode == 0, await output, (await errors).Trim());
    }
}
