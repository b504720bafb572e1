using System.Text.RegularExpressions;
using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.Demo;

/// <summary>
/// The program of <c>hack/demo --play</c> as it is started from a shell, with an admin beside it: real kubectl, and the plugin where
/// kubectl finds it.
/// </summary>
public sealed partial class RunningDemo : IAsyncLifetime
{
    private readonly string _path = Directory.CreateTempSubdirectory("hostdev-demo-path-").FullName;
    private ProgramRun? _demo;
    private KubectlTool? _kubectl;

    public string Kubeconfig { get; private set; } = "";

    /// <summary>Where kubectl finds the plugin.</summary>
    public string PluginDirectory => _path;

    /// <summary>What it has printed.</summary>
    public string Said => _demo!.Said;

    public async ValueTask InitializeAsync()
    {
        File.CreateSymbolicLink(Path.Combine(_path, "kubectl-hostdev"), ShippedPrograms.Kubectl);
        _demo = ProgramRun.Start(Program, "demo", "--play");
        await Waiting.UntilAsync(() => Last().IsMatch(_demo.Said) || _demo.HasExited, 60, () => _demo.Said);
        Kubeconfig = Exported().Match(_demo.Said).Value;
        _kubectl = new KubectlTool(Kubeconfig);
    }

    /// <summary>Ends it as its user does; whatever is left of its cluster would be a fault.</summary>
    public async ValueTask DisposeAsync()
    {
        _kubectl?.Dispose();
        Directory.Delete(_path, recursive: true);
        await using var demo = _demo;
        if (demo is not { HasExited: false })
            return;
        Assert.Equal(0, (await demo.TerminateAsync()).ExitCode);
        Assert.False(Directory.Exists(Path.GetDirectoryName(Kubeconfig)));
    }

    internal Task<ToolResult> TryAsync(params string[] arguments) =>
        _kubectl!.RunAsync(("PATH", $"{_path}:{Environment.GetEnvironmentVariable("PATH")}"), arguments);

    /// <returns>What kubectl printed.</returns>
    public async Task<string> KubectlAsync(params string[] arguments) => (await TryAsync(arguments)).Succeeded().Output;

    public async Task ApplyAsync(string yaml) => await KubectlAsync("apply", "-f", _kubectl!.File("given.yaml", yaml));

    /// <summary>What <c>kubectl hostdev plan</c> says of a manifest that changes something.</summary>
    public async Task<string> PlanAsync(string yaml)
    {
        var answer = await TryAsync("hostdev", "plan", "-f", _kubectl!.File("planned.yaml", yaml));
        Assert.Equal((2, ""), (answer.Code, answer.Errors));
        return answer.Output;
    }

    /// <summary>Until a command prints what is wanted.</summary>
    public async Task UntilAsync(Func<string, bool> condition, params string[] arguments)
    {
        var said = "";
        await Waiting.UntilAsync(
            async () => condition(said = (await TryAsync(arguments)) is var answer ? answer.Output + answer.Errors : ""),
            60,
            () => Task.FromResult(said)
        );
    }

    /// <summary><c>hack/demo unplug</c> and <c>plug</c>.</summary>
    public async Task<(int ExitCode, string Said)> HandAsync(params string[] arguments)
    {
        await using var hand = ProgramRun.Start(Program, [("KUBECONFIG", Kubeconfig)], ["demo", .. arguments]);
        return await hand.EndAsync();
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "hostdev-sandbox");

    /// <summary>The last of the lines that say what to try.</summary>
    [GeneratedRegex("^  helm uninstall .*$", RegexOptions.Multiline)]
    private static partial Regex Last();

    [GeneratedRegex("(?<=^  export KUBECONFIG=).*$", RegexOptions.Multiline)]
    private static partial Regex Exported();
}
