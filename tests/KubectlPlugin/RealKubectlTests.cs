using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>The plugin as a real kubectl finds it, runs it, and asks it for completions.</summary>
public sealed class RealKubectlTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("hostdev-plugin-").FullName;

    public RealKubectlTests()
    {
        File.CreateSymbolicLink(Path.Combine(_path, "kubectl-hostdev"), ShippedPrograms.Kubectl);
        File.CreateSymbolicLink(Path.Combine(_path, "kubectl_complete-hostdev"), Repository.Path("kubectl", "kubectl_complete-hostdev"));
    }

    [Fact]
    public async Task Kubectl_runs_it_with_its_kubeconfig_and_completes_its_words()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", """{devices: [{id: "0000:11:00.0", class: pci, state: Offered as a.b/c}]}""");
        bench.AddState("node-2", "{}");
        using var kubectl = new KubectlTool(bench.Cluster.Server);
        (string, string) path = ("PATH", $"{_path}:{Environment.GetEnvironmentVariable("PATH")}");

        var devices = (await kubectl.RunAsync(path, ["hostdev", "devices", "--class", "pci"])).Succeeded();
        Assert.Contains("pci     node-1   0000:11:00.0   <none>   Free", devices.Output, StringComparison.Ordinal);
        var listed = (await kubectl.RunAsync(path, ["plugin", "list"])).Succeeded();
        Assert.Contains($"{_path}/kubectl-hostdev\n", listed.Output, StringComparison.Ordinal);

        Assert.Equal(["devices"], await CompletedAsync("hostdev", "dev"));
        Assert.Equal(["node-1", "node-2"], await CompletedAsync("hostdev", "tree", ""));

        async Task<string[]> CompletedAsync(params string[] words)
        {
            var answer = (await kubectl.RunAsync(path, ["__complete", .. words])).Succeeded();
            var lines = answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(":4", lines[^1]);
            return [.. lines[..^1].Select(l => l.Split('\t')[0])];
        }
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
