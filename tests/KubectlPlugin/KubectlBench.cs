using System.Diagnostics;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>What the plugin printed, and how it ended.</summary>
internal sealed record KubectlAnswer(int ExitCode, string Output, string Error)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A line of a table, its columns told by two spaces or more.</summary>
    public string[][] Cells =>
        [.. Lines.Select(l => l.Split("   ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    /// <summary>The cells under a header, without the header.</summary>
    public string[] Column(string header)
    {
        var at = Array.IndexOf(Cells[0], header);
        Assert.True(at >= 0, $"there is no column {header}: {Lines[0]}");
        return [.. Cells.Skip(1).Select(c => c[at])];
    }
}

/// <summary>An API server whose NodeDeviceStates the tests write, and the plugin's own program that reads them.</summary>
internal sealed class KubectlBench : IAsyncDisposable
{
    private KubectlBench(SandboxCluster cluster) => Cluster = cluster;

    public SandboxCluster Cluster { get; }

    public static async Task<KubectlBench> StartAsync(bool rbac = false) =>
        new(await SandboxCluster.StartAsync(SandboxDirectory.Create(), new ApiServerOptions { Rbac = rbac }));

    /// <param name="status">YAML, indented by two; lists that it leaves out are empty.</param>
    /// <param name="policies">YAML, in one line.</param>
    public void AddState(string node, string status, string policies = "[]")
    {
        var state = ClusterBench.Yaml(
            $"""
            apiVersion: hostdev.io/v1alpha1
            kind: NodeDeviceState
            metadata: {"{"}name: {node}{"}"}
            spec: {"{"}policies: {policies}{"}"}
            """
        );
        var told = ClusterBench.Yaml(status);
        told["host"] ??= ClusterBench.Yaml(
            "{kernel: '6.12', architecture: x86_64, bootId: b, iommu: true, interruptRemapping: 'Yes', "
                + "kernelArguments: [], vfioDrivers: [], problems: []}"
        );
        foreach (var list in (string[])["devices", "virtualFunctions", "allocations", "policies", "releasing", "resources", "conditions"])
            told[list] ??= new JsonArray();
        Cluster.Server.Objects.Create(state);
        Cluster.Server.Objects.Change("nodedevicestates.hostdev.io", node, s => s["status"] = told, subresource: "status");
    }

    public void AddPod(string ns, string name, string? vm = null, string more = "{}")
    {
        var pod = ClusterBench.Yaml(
            $"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {ns}}}, "
                + "spec: {containers: [{name: compute, image: i}]}}"
        );
        foreach (var (field, value) in ClusterBench.Yaml(more))
            pod[field] = value?.DeepClone();
        if (vm is not null)
        {
            pod["metadata"]!["labels"] = ClusterBench.Yaml("{kubevirt.io: virt-launcher}");
            pod["metadata"]!["annotations"] = new JsonObject { ["kubevirt.io/domain"] = vm };
        }

        Cluster.Server.Objects.Create(pod);
    }

    public Task<KubectlAnswer> RunAsync(params string[] arguments) => RunAsync(Cluster.Kubeconfig, arguments);

    /// <summary>As a user who may do what his roles say.</summary>
    public Task<KubectlAnswer> RunAsAsync(string user, params string[] arguments) => RunAsync(Kubeconfig(user), arguments);

    /// <summary>Of a user who may do what his roles say.</summary>
    public string Kubeconfig(string user)
    {
        var kubeconfig = Path.Combine(Cluster.Directory, $"kubeconfig-{user}");
        Cluster.Server.WriteKubeconfig(kubeconfig, Cluster.Server.AddUser(new ApiUser(user, ["system:authenticated"])));
        return kubeconfig;
    }

    public static async Task<KubectlAnswer> RunAsync(string kubeconfig, string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(ShippedPrograms.Kubectl, arguments)
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment = { ["KUBECONFIG"] = kubeconfig },
            }
        )!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new KubectlAnswer(process.ExitCode, await output, await error);
    }

    public async ValueTask DisposeAsync()
    {
        var directory = Cluster.Directory;
        await Cluster.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }
}
