using System.Diagnostics;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>The plain KubernetesClient, in a process of its own, takes the simulated server for a real one.</summary>
public sealed class KubernetesClientPeerTests
{
    [Fact]
    public async Task Typed_calls_generic_client_watches_pages_and_leader_election_work()
    {
        var directory = SandboxDirectory.Create();
        await using var cluster = await SandboxCluster.StartAsync(directory, new ApiServerOptions { Rbac = true });
        Assert.Equal(
            [
                "configmap: ConfigMap/v1 a2 b3 d4 e5, Apply by peer, Success",
                "lease: you for 15 s since 2026-01-02T03:04:05.1234560Z, changed",
                "event: 1 it was about n",
                "pod: 1 Running, 0 left",
                "node: Ready True",
                "pages: 7 in 3 pages, 0 left",
                "conflict: 409 Conflict: Operation cannot be fulfilled on leases.coordination.k8s.io \"two\": "
                    + "the object has been modified; please apply your changes to the latest version and try again",
                "generic: 1 b priority 7 generation 2",
                "refused: 422 Invalid at spec.devices.pci.selectors[0].vendor",
                "watch: Modified w, Deleted w",
                "watch custom: Added seen, Deleted seen",
                "election: first, then second; the lease is held by second after 1 transitions",
            ],
            await RunAsync(cluster.Kubeconfig)
        );
        Directory.Delete(directory, recursive: true);
    }

    private static async Task<string[]> RunAsync(string kubeconfig)
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)))!;
        var program = Repository.Path("tests", "kubernetes-client-peer", "bin", configuration, "net10.0", "kubernetes-client-peer.dll");
        Assert.True(File.Exists(program), $"{program} is not there: dotnet build tests/kubernetes-client-peer -c {configuration}");
        var start = new ProcessStartInfo("dotnet", [program, kubeconfig]) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return output.TrimEnd().Split('\n');
    }
}
