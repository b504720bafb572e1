using System.Diagnostics;

namespace Hostdev.Charts;

/// <summary>A helm program. Its cache and settings are in a directory of their own, so that nothing of the user's is read or written, and no cluster is asked.</summary>
internal sealed class Helm
{
    private static readonly string s_home = Directory.CreateTempSubdirectory("helm-").FullName;
    private readonly string _program;

    static Helm() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(s_home, recursive: true);

    private Helm(string program, string version) => (_program, Version) = (program, version);

    /// <summary>As in <c>v4.1.4</c>.</summary>
    public string Version { get; }

    /// <param name="program">The path of the program.</param>
    public static async Task<Helm> FindAsync(string program)
    {
        var result = await RunAsync(program, "version", "--template", "{{.Version}}");
        return result.Succeeded ? new Helm(program, result.Output.Trim()) : throw new InvalidOperationException($"{program} version: {result.Errors}");
    }

    /// <summary>The manifests of the release <c>hostdev</c> in the namespace <c>hostdev-system</c>, hooks among them.</summary>
    /// <param name="values">A file.</param>
    public Task<HelmResult> TemplateAsync(string chart, string values) => RunAsync(_program, "template", "hostdev", chart, "--namespace", "hostdev-system", "--values", values);

    private static async Task<HelmResult> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in (string[])["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"]) start.Environment[name] = s_home;
        start.Environment["KUBECONFIG"] = "/dev/null";
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new HelmResult(process.ExitCode == 0, await output, (await errors).Trim());
    }
}
