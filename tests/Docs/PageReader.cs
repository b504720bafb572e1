using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Does what a page says, from top to bottom, as somebody who copies it into one bash: what a block sets is there in the next. The
/// directory is the repository's as far as what is read; what is written below it stays out of it.
/// </summary>
internal sealed partial class PageReader : IDisposable
{
    /// <summary>What a command that only looks may wait for its words; a reader looks again, too.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private static readonly string[] s_kubectlLooks = ["get", "describe", "explain", "logs", "events", "wait", "version", "api-resources"];
    private static readonly string[] s_pluginWrites = ["cordon", "uncordon", "bundle", "watch"];
    private static readonly string[] s_helmLooks = ["status", "list", "history", "get", "template", "show"];
    private static readonly string[] s_looks = ["cat", "echo", "grep", "head", "tail", "ls", "[", "test", "sort"];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hostdev-reader-");
    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("hostdev-reader-state-");
    private readonly IReadOnlyList<(string Name, string Value)> _environment;
    private readonly HostPaths _host;

    /// <param name="environment">Variables beside the test's own.</param>
    /// <param name="host">
    /// The host that is read on: its <c>/sys</c> and what the agent has there lie below its root, and are told without that. Null for this
    /// one.
    /// </param>
    public PageReader(IEnumerable<(string Name, string Value)> environment, HostPaths? host = null)
    {
        _environment = [.. environment];
        _host = host ?? new HostPaths("/");
        foreach (var entry in new DirectoryInfo(Repository.Root).EnumerateFileSystemInfos())
            File.CreateSymbolicLink(Path.Combine(_directory.FullName, entry.Name), entry.FullName);
    }

    private string Variables => Path.Combine(_state.FullName, "variables");

    /// <summary>A command that fails, or prints what the page does not say, fails with page and line.</summary>
    /// <param name="place">Whose blocks are run; see <see cref="MarkdownPage.Steps"/>.</param>
    public async Task ReadAsync(MarkdownPage page, string place)
    {
        File.Delete(Variables);
        foreach (var step in page.Steps(place))
            switch (step)
            {
                case PageStep.Write write:
                    var file = Path.IsPathRooted(write.File)
                        ? _host.Resolve(write.File)
                        : Path.GetFullPath(write.File, _directory.FullName);
                    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                    await File.WriteAllTextAsync(file, write.Text, TestContext.Current.CancellationToken);
                    break;
                case PageStep.Apply apply:
                    await RunAsync(page, new(apply.Line, $"kubectl apply -f - <<'END_OF_MANIFEST'\n{apply.Text}END_OF_MANIFEST\n", null));
                    break;
                case PageStep.Run run:
                    await RunAsync(page, run);
                    break;
            }
    }

    public void Dispose()
    {
        foreach (var entry in _directory.EnumerateFileSystemInfos().Where(e => e.LinkTarget is not null))
            entry.Delete(); // and not what it leads to
        _directory.Delete(recursive: true);
        _state.Delete(recursive: true);
    }

    /// <summary>Whether commands change nothing, so that they can be repeated.</summary>
    internal static bool Looks(string script) =>
        ShellText
            .Commands(script)
            .All(c =>
                c.Words switch
                {
                    ["kubectl", "hostdev", var sub, ..] => !s_pluginWrites.Contains(sub),
                    ["kubectl", "-n" or "--namespace", _, var verb, ..] => s_kubectlLooks.Contains(verb),
                    ["kubectl", var verb, ..] => s_kubectlLooks.Contains(verb),
                    ["helm", var verb, ..] => s_helmLooks.Contains(verb),
                    [var program, ..] => s_looks.Contains(program),
                    _ => true,
                }
            );

    private async Task RunAsync(MarkdownPage page, PageStep.Run run)
    {
        var began = Stopwatch.GetTimestamp();
        while (await TryAsync(run) is { } words)
        {
            Assert.True(Looks(run.Script) && Stopwatch.GetElapsedTime(began) < s_patience, $"{page.Name}:{run.Line}: {words}");
            await Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken);
        }
    }

    /// <returns>What is not as the page says; null where all is.</returns>
    private async Task<string?> TryAsync(PageStep.Run run)
    {
        var script = new StringBuilder()
            .Append("exec 2>&1; set -a; [ ! -f \"$0\" ] || . \"$0\"; set -euo pipefail\n")
            .Append(_host.Root == "/" ? run.Script : OfHost().Replace(run.Script, m => _host.Resolve(m.Value)))
            .Append("\n{ export -p; printf 'cd %q\\n' \"$PWD\"; } >\"$0\"\n");
        var start = new ProcessStartInfo("bash", ["-c", script.ToString(), Variables])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            WorkingDirectory = _directory.FullName,
        };
        foreach (var (name, value) in _environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            var printed = await process.StandardOutput.ReadToEndAsync(limit.Token);
            if (_host.Root != "/")
                printed = printed.Replace(_host.Root, "", StringComparison.Ordinal);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? run.Differs(printed) : $"ended with {process.ExitCode}:\n{run.Script}{printed}";
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            return $"did not end within {s_limit.TotalMinutes} minutes:\n{run.Script}";
        }
    }

    [GeneratedRegex("(?<![^\\s\"'=>])/(?:sys|etc/hostdev|run/hostdev|var/lib/hostdev)(?=/)")]
    private static partial Regex OfHost();
}
