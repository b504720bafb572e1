using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Charts;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary><c>kubectl hostdev bundle</c> of a cluster with operator and agents: all that is needed, and no secret in any byte.</summary>
public sealed class BundleTests : IDisposable
{
    private const string Secret = "hunter2hunter2";

    private readonly string _directory = Directory.CreateTempSubdirectory("bundle-").FullName;

    [Fact]
    public async Task A_bundle_has_objects_logs_events_and_askers_and_no_secret_in_any_byte()
    {
        var (bench, server) = await ClusterBench.SimulateAsync();
        await using var closed = bench;
        var (node, other) = (
            await bench.AddNodeAsync("gpu", DemoMachines.GpuNode),
            await bench.AddNodeAsync("net", DemoMachines.SriovNode)
        );
        bench.StartOperator();
        ClusterMembers.ShowOperator(bench.Seat, "hostdev-operator-0", node.Name);
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");
        foreach (
            var it in RenderedChart.Everything.Where(o =>
                RenderedChart.Text(o, "kind") is "Deployment" or "ConfigMap" && RenderedChart.Text(o["metadata"]!, "namespace").Length > 0
            )
        )
            server.Objects.Create(Planted(it));
        foreach (var pod in server.Objects.List("pods", SandboxCluster.SystemNamespace))
        {
            var uid = (string)pod["metadata"]!["uid"]!;
            server.Logs.Show(uid, () => $"{(string)pod["metadata"]!["name"]!} has begun\nAuthorization: Bearer {Secret}\n");
        }

        server.Objects.Create(Asker("asks", "example.com/gpus"));
        server.Objects.Create(Asker("asks-not", "cpu"));

        var path = Path.Combine(_directory, "b.tar.gz");
        var answer = await KubectlBench.RunAsync(bench.Kubeconfig, ["bundle", "-o", path]);
        Assert.True(answer.ExitCode == 0, answer.Error);
        Assert.Equal("kubectl-hostdev: left out: virtualmachineinstances: the cluster does not know this kind\n", answer.Error);
        Assert.StartsWith($"{path}: ", answer.Output, StringComparison.Ordinal);
        Assert.Contains("; 1 could not be read (missing.txt says which)", answer.Output, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));

        var files = Unpack(path);
        Assert.All(files, f => Assert.DoesNotContain(Secret, f.Value, StringComparison.Ordinal));
        Assert.Equal("virtualmachineinstances: the cluster does not know this kind\n", files["missing.txt"]);
        Assert.Contains("values of environment variables", files["README.txt"], StringComparison.Ordinal);
        foreach (var one in (ReadOnlySpan<ClusterNode>)[node, other])
        {
            var state = Json(files[$"hostdev.io/nodedevicestates/{one.Name}.json"]);
            Assert.Equal(("hostdev.io/v1alpha1", "NodeDeviceState"), ((string)state["apiVersion"]!, (string)state["kind"]!));
            Assert.NotNull(state["status"]!["devices"]);
            var log = files[$"logs/{ClusterMembers.AgentPod(one.Name)}/device-plugin.log"];
            Assert.StartsWith(
                $"{ClusterMembers.AgentPod(one.Name)} has begun\nAuthorization: Bearer (redacted)\n",
                log,
                StringComparison.Ordinal
            );
            Assert.NotNull(Json(files[$"nodes/{one.Name}.json"])["metadata"]!["labels"]);
        }

        Assert.NotNull(Json(files[$"hostdev.io/hostdevices/{bench.Name("gpus")}.json"])["status"]);
        Assert.NotNull(Json(files["definitions/nodedevicestates.hostdev.io.json"])["spec"]);
        Assert.Contains("logs/hostdev-operator-0/operator.log", files.Keys.Where(f => f.StartsWith("logs/", StringComparison.Ordinal)));
        Assert.Contains("hostdev-operator-0", files["logs/hostdev-operator-0/operator.log"], StringComparison.Ordinal);
        var deployment = Json(files[$"chart/deployments/{SandboxCluster.SystemNamespace}/hostdev-operator.json"]);
        Assert.Contains("(redacted)", deployment.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains(files.Keys, f => f.StartsWith("chart/configmaps/", StringComparison.Ordinal));
        var pods = Lines(files, "pods/");
        Assert.Equal(["asks"], pods.Select(p => (string)p["metadata"]!["name"]!));
        Assert.Contains(Lines(files, "events/"), e => (string?)e["regarding"]?["kind"] is "HostDevice" or "NodeDeviceState");
        Assert.NotNull(Json(files["versions.json"])["server"]!["gitVersion"]);

        var again = await KubectlBench.RunAsync(bench.Kubeconfig, ["bundle", "-o", path]);
        Assert.Equal(
            (1, $"kubectl-hostdev: {path} is there already: name another file with -o, or delete it\n"),
            (again.ExitCode, again.Error)
        );
        var of = Path.Combine(_directory, "node.tar.gz");
        Assert.Equal(0, (await KubectlBench.RunAsync(bench.Kubeconfig, ["bundle", "-o", of, "--node", node.Name])).ExitCode);
        var named = Unpack(of).Keys.ToList();
        Assert.Contains($"hostdev.io/nodedevicestates/{node.Name}.json", named);
        Assert.Contains("logs/hostdev-operator-0/operator.log", named);
        Assert.DoesNotContain(named, f => f.Contains(other.Name, StringComparison.Ordinal));
    }

    /// <summary>A bundle of what there is left is worth more than none.</summary>
    [Fact]
    public async Task What_may_not_be_read_is_said_and_costs_that_part_alone()
    {
        await using var bench = await KubectlBench.StartAsync(rbac: true);
        bench.AddState("node-1", "resources: []");
        foreach (var it in RenderedChart.Access.Where(a => RenderedChart.Text(a["metadata"]!, "name") == "hostdev-view"))
            bench.Cluster.Server.Objects.Create(it.DeepClone().AsObject());
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: ben}, "
                    + "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hostdev-view}, "
                    + "subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ben}]}"
            )
        );
        var path = Path.Combine(_directory, "ben.tar.gz");
        var answer = await bench.RunAsAsync("ben", "bundle", "-o", path);
        Assert.True(answer.ExitCode == 0, answer.Error);
        var files = Unpack(path);
        Assert.Contains("hostdev.io/nodedevicestates/node-1.json", files.Keys);
        Assert.Contains("cannot list resource \"pods\"", files["missing.txt"], StringComparison.Ordinal);
        Assert.Contains("nodes: ", files["missing.txt"], StringComparison.Ordinal);
        Assert.Contains("kubectl-hostdev: left out: chart/deployments: ", answer.Error, StringComparison.Ordinal);

        var absent = await bench.RunAsync("bundle", "-o", Path.Combine(_directory, "x.tar.gz"), "--node", "node-9");
        Assert.Equal(
            (1, "kubectl-hostdev: there is no NodeDeviceState node-9: kubectl get nodedevicestates lists all\n"),
            (absent.ExitCode, absent.Error)
        );
        Assert.False(File.Exists(Path.Combine(_directory, "x.tar.gz")));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>By name below the bundle's one folder.</summary>
    private static Dictionary<string, string> Unpack(string path)
    {
        using var tar = new TarReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        while (tar.GetNextEntry() is { } entry)
        {
            Assert.StartsWith("hostdev-bundle-", entry.Name, StringComparison.Ordinal);
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            files.Add(entry.Name.Split('/', 2)[1], Encoding.UTF8.GetString(content.ToArray()));
        }

        return files;
    }

    private static List<JsonObject> Lines(Dictionary<string, string> files, string folder) =>
        [
            .. files
                .Where(f => f.Key.StartsWith(folder, StringComparison.Ordinal))
                .SelectMany(f => f.Value.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                .Select(Json),
        ];

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    /// <summary>With a secret wherever people put one.</summary>
    private static JsonObject Planted(JsonObject it)
    {
        var json = it.DeepClone().AsObject();
        json["metadata"]!["annotations"] = new JsonObject { ["kubectl.kubernetes.io/last-applied-configuration"] = Secret };
        if (json["spec"]?["template"]?["spec"]?["containers"]?[0] is JsonObject container)
        {
            container["image"] = "example.com/nobody:1"; // else the cluster would run it
            container["env"] = JsonNode.Parse($$"""[{"name": "TOKEN", "value": "{{Secret}}"}]""");
        }

        if (json["spec"] is JsonObject spec)
            spec["replicas"] = 0;
        if (json["data"] is JsonObject data)
            data["plain"] = Secret;
        return json;
    }

    private static JsonObject Asker(string name, string resource) =>
        ClusterBench.Yaml(
            $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}, namespace: {{SandboxNode.Namespace}}}
            spec:
              containers:
              - {name: compute, image: i, env: [{name: A, value: {{Secret}} }], resources: {limits: { {{resource}}: 1 } } }
            """
        );
}
