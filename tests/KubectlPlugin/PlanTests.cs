using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>
/// What policies would come to, asked from outside: on a cluster with a real operator and agents, which then do it, so that what was said
/// can be held to what came.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class PlanTests
{
    [Fact]
    public async Task What_new_GPUs_and_more_virtual_functions_would_come_to_is_what_they_come_to()
    {
        await using var bench = await ClusterBench.StartAsync();
        var gpu = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        var net = await bench.AddNodeAsync("net", DemoMachines.SriovNode);
        bench.StartOperator();
        await bench.UntilAsync(async () => (await bench.StateAsync(gpu))?["status"]?["devices"] is JsonArray { Count: > 0 });
        await bench.UntilAsync(async () => (await bench.StateAsync(net))?["status"]?["devices"] is JsonArray { Count: > 0 });

        // New.
        var gpus = Manifest(bench, "HostDevice", "gpus", GpuSpec("HoldSiblings"));
        var (answer, changes) = await PlanAsync(bench, ["-f", gpus]);
        Assert.Equal((2, ""), (answer.ExitCode, answer.Error));
        var offered = Devices(changes, "Offered", "example.com/gpus");
        Assert.Equal(4, offered.Count);
        Assert.All(offered, o => Assert.Equal(gpu.Name, o.Node));
        Assert.All(
            changes.Where(c => (string?)c["change"] == "Offered"),
            c => Assert.Contains("the host loses it (driver ", (string?)c["message"], StringComparison.Ordinal)
        );
        Assert.Null(await bench.PolicyAsync("gpus"));
        await bench.Api.ApplyAsync(ClusterBench.Yaml(await File.ReadAllTextAsync(gpus)));
        await bench.ReadyAsync("gpus");
        Assert.Equal(offered, await FreeAsync(bench, "example.com/gpus"));

        // The same once more.
        var (same, nothing) = await PlanAsync(bench, ["-f", gpus]);
        Assert.Equal((0, 0), (same.ExitCode, nothing.Count));
        var text = await KubectlBench.RunAsync(bench.Kubeconfig, ["plan", "-f", gpus]);
        Assert.Equal(
            $"HostDevice/{bench.Name("gpus")} says what is there already; its nodeSelector picks 2 of 2 nodes\n"
                + "Nothing changes on any of 2 nodes.\n",
            text.Output
        );

        // A pod has one: who deletes the policy waits for it.
        var vm = await gpu.StartVmAsync("render", new DeviceRequest("example.com/gpus", 1));
        Assert.Equal(PodPhase.Running, vm.Phase);
        await bench.UntilAsync(async () =>
            (await bench.StateAsync(gpu))?["status"]?["allocations"] is JsonArray { Count: 1 } had && had[0]!["pod"] is not null
        );
        bench.AddVmPod("render", "render-vm");
        var (deleting, without) = await PlanAsync(bench, ["--without", $"hostdevice/{bench.Name("gpus")}"]);
        Assert.Equal(2, deleting.ExitCode);
        Assert.Equal(4, Devices(without, "Withdrawn", "example.com/gpus").Count);
        Assert.Single(Messages(without, "Withdrawn"), "when nobody has it any more");
        var waiting = without.Single(c => (string?)c["change"] == "Releasing");
        Assert.Contains($"pod {SandboxNode.Namespace}/render (VM render-vm) has ", (string)waiting["message"]!, StringComparison.Ordinal);
        Assert.Equal("render-vm", (string?)waiting["waitsFor"]![0]!["virtualMachine"]);

        // Virtual functions: none, some, more.
        var four = Manifest(bench, "SriovPolicy", "vfs", VfSpec(4));
        var (_, some) = await PlanAsync(bench, ["-f", four]);
        Assert.Contains("4 virtual functions instead of 0", Messages(some, "VirtualFunctions"));
        Assert.Equal(["VFs 0-3"], Devices(some, "Offered", "example.com/vf").Select(d => d.Id[13..]).Distinct());
        await bench.Api.ApplyAsync(ClusterBench.Yaml(await File.ReadAllTextAsync(four)));
        await OfferedAsync(bench, net, "example.com/vf", some);
        var eight = Manifest(bench, "SriovPolicy", "vfs", VfSpec(8));
        var (_, more) = await PlanAsync(bench, ["-f", eight]);
        Assert.Contains("8 virtual functions instead of 4", Messages(more, "VirtualFunctions"));
        Assert.Equal(["VFs 4-7"], Devices(more, "Offered", "example.com/vf").Select(d => d.Id[13..]).Distinct());
        Assert.DoesNotContain(more, c => (string?)c["change"] is "Withdrawn" or "Unknown");
        await bench.Api.ApplyAsync(ClusterBench.Yaml(await File.ReadAllTextAsync(eight)));
        await bench.UntilAsync(() => net.Offered("example.com/vf") == 2 * 4 * PfsOf(some));
    }

    [Fact]
    public async Task What_the_API_server_or_the_operator_would_refuse_is_said_and_what_a_report_lacks_too()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.Cluster.Server.Objects.Create(ClusterBench.Yaml("{apiVersion: v1, kind: Node, metadata: {name: w1, labels: {gpu: 'yes'}}}"));
        bench.Cluster.Server.Objects.Create(ClusterBench.Yaml("{apiVersion: v1, kind: Node, metadata: {name: w2}}"));
        bench.AddState(
            "w1",
            """
            host: {kernel: '6.12', architecture: x86_64, bootId: b, iommu: true, interruptRemapping: 'Yes', kernelArguments: [],
              vfioDrivers: [vfio-pci], problems: []}
            devices: [{pciAddress: '0000:3b:00.0', ids: '10de:2204', driver: nvidia, pci: {iommuGroup: 12}}]
            """
        );
        bench.AddState("w2", "devices: []");
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                "{apiVersion: hostdev.io/v1alpha1, kind: SriovPolicy, metadata: {name: vfs}, spec: {nodeSelector: {}, numVfs: 2, "
                    + "physicalFunctions: [{vendor: '8086'}], pools: [{name: a, vfs: [{first: 0, last: 1}], resourceName: example.com/x}]}}"
            )
        );

        // An agent of the version before reports no class.
        var old = await PlanAsync(bench, "devices: {pci: {selectors: [{class: '03'}]}}", nodes: "{matchLabels: {gpu: 'yes'}}");
        Assert.Equal(2, old.ExitCode);
        Assert.StartsWith(
            "HostDevice/gpus would be new; its nodeSelector picks 1 of 2 nodes\n  nodes change 1 at a time",
            old.Output,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "w1     <none>   Unknown   <none>     <none>   HostDevice/gpus: its agent is of a version that does not report class",
            old.Output,
            StringComparison.Ordinal
        );
        var known = await PlanAsync(bench, "devices: {pci: {selectors: [{vendor: '10de'}]}}");
        Assert.Contains(
            "w1     0000:3b:00.0   Offered   example.com/gpu   <none>   the host loses it (driver nvidia)",
            known.Output,
            StringComparison.Ordinal
        );

        var refused = await PlanAsync(bench, "devices: {pci: {selectors: []}}");
        Assert.Equal(3, refused.ExitCode);
        Assert.StartsWith(
            "HostDevice/gpus would be refused: HostDevice/gpus: spec.devices.pci.selectors: ",
            refused.Output,
            StringComparison.Ordinal
        );
        var conflict = await PlanAsync(bench, "devices: {usb: {selectors: [{vendor: '10de'}]}}", resource: "example.com/x");
        Assert.Equal(3, conflict.ExitCode);
        Assert.Contains(
            "  no node would get it: ResourceNameConflict: HostDevice/gpus uses example.com/x for usb devices but SriovPolicy/vfs uses it",
            conflict.Output,
            StringComparison.Ordinal
        );

        Assert.Equal(
            "nothing is asked about: name a manifest with -f, or a policy that goes with --without HostDevice/NAME",
            (await bench.RunAsync("plan")).Error.Split('\n')[0]
        );
        var unknown = await bench.RunAsync("plan", "--without", "HostDevice/gpus");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains(
            "--without names HostDevice/gpus, which is not there: write KIND/NAME, for example SriovPolicy/vfs",
            unknown.Error,
            StringComparison.Ordinal
        );
    }

    private const string Most = "iommuGroup: 1, classCode: '020000', sriov: {totalVfs: 65536, offset: 1, stride: 2147483647}";
    private const string Ranges = "ranges: ['0-65535: vfio-pci', x, null]";

    /// <summary>Whoever has a node's token writes what they like into its status; the plan of all nodes is not theirs.</summary>
    [Fact]
    public void A_status_that_lies_costs_its_node_alone_and_no_time()
    {
        var status = ClusterBench.Yaml(
            """
            host: {kernel: k, architecture: a, bootId: b, iommu: true, interruptRemapping: Perhaps, kernelArguments: [null],
              vfioDrivers: [null, vfio-pci], problems: []}
            devices: [null, {id: x, class: usb}, {class: mdev, mdev: {typeId: t, parent: p}}]
            virtualFunctions: [null]
            allocations: [null, {id: "?", resource: r}]
            policies: [null]
            releasing: [null]
            resources: [null]
            conditions: [null]
            """
        );
        for (var i = 0; i < 1024; i++)
        {
            var pf = $"{i:x4}:00:00.0";
            status["devices"]!.AsArray().Add(Json($"{{id: '{pf}', class: pci, ids: '8086:1592', driver: ice, pci: {{{Most}}}}}"));
            status["virtualFunctions"]!.AsArray().Add(Json($"{{physicalFunction: '{pf}', current: 65536, total: 65536, {Ranges}}}"));
        }

        var state = new NodeDeviceState
        {
            Metadata = new ObjectMeta { Name = "liar" },
            StatusText = JsonSerializer.SerializeToElement<JsonNode>(status),
        };
        var policy = Hostdev.Projection.ClusterPolicy.Read(
            new PolicyObject
            {
                Kind = "SriovPolicy",
                Metadata = new ObjectMeta { Name = "vfs", Uid = "u" },
                Spec = JsonSerializer.SerializeToElement<JsonNode>(ClusterBench.Yaml(VfSpec(1))),
            }
        );
        var plan = Kubectl.Answers.NodePlan.Of(state, [], [new Hostdev.Projection.NodeEntry.Give(policy)]);
        Assert.Contains(
            plan.Changes,
            c => c.Message?.Contains("it reports more than 8192 virtual functions", StringComparison.Ordinal) == true
        );

        static JsonNode Json(string yaml) => ClusterBench.Yaml(yaml);
    }

    [Theory]
    [InlineData("", "the text is empty")]
    [InlineData("- a", "it must be a manifest: a mapping with apiVersion, kind, metadata and spec")]
    [InlineData("kind: Pod", "it has kind \"Pod\": plan takes HostDevice, SriovPolicy, MdevProfile")]
    [InlineData("kind: HostDevice", "it has apiVersion missing: write hostdev.io/v1alpha1")]
    [InlineData("{apiVersion: hostdev.io/v1alpha1, kind: HostDevice, spec: {}}", "it has no metadata.name: write one")]
    [InlineData(
        "{apiVersion: hostdev.io/v1alpha1, kind: HostDevice, metadata: {name: a}}",
        "HostDevice/a has no spec: write what it asks for"
    )]
    [InlineData(
        "{apiVersion: hostdev.io/v1alpha1, kind: HostDevice, metadata: {name: a}, spec: {}}\n---\n---\n"
            + "{apiVersion: hostdev.io/v1alpha1, kind: HostDevice, metadata: {name: a}, spec: {}}\n",
        "document 2 is HostDevice/a once more: leave one of the two out"
    )]
    [InlineData("{kind: List, items: [{kind: Secret}]}", "items[0] has kind \"Secret\": plan takes HostDevice, SriovPolicy, MdevProfile")]
    public void A_file_that_is_no_manifest_is_told_what_to_be(string text, string expected)
    {
        Assert.Empty(Kubectl.Answers.PolicyFile.Read(text, out var error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Several_documents_and_lists_are_read_in_their_order()
    {
        static string One(string name) => $"{{apiVersion: hostdev.io/v1alpha1, kind: HostDevice, metadata: {{name: {name}}}, spec: {{}}}}";
        var policies = Kubectl.Answers.PolicyFile.Read($"{One("a")}\n---\nkind: List\nitems:\n- {One("b")}\n", out var error);
        Assert.Equal(("", "a b"), (error, string.Join(' ', policies.Select(p => p.Metadata.Name))));
    }

    private static string GpuSpec(string groupPolicy) =>
        "{resourceName: example.com/gpus, nodeSelector: {}, "
        + $"devices: {{pci: {{selectors: {GpuMachine.Gpus}, groupPolicy: {groupPolicy}}}}}}}";

    private static string VfSpec(int number) =>
        $"{{nodeSelector: {{}}, numVfs: {number}, physicalFunctions: [{{vendor: '8086'}}], "
        + $"pools: [{{name: vms, vfs: [{{first: 0, last: {number - 1}}}], resourceName: example.com/vf}}]}}";

    private static int PfsOf(List<JsonNode> changes) => changes.Count(c => (string?)c["change"] == "VirtualFunctions");

    private static async Task OfferedAsync(ClusterBench bench, ClusterNode node, string resource, List<JsonNode> changes) =>
        await bench.UntilAsync(() => node.Offered(resource) == 4 * PfsOf(changes));

    private static List<string> Messages(List<JsonNode> changes, string use) =>
        [.. changes.Where(c => (string?)c["change"] == use).Select(c => (string)c["message"]!)];

    private static List<(string Node, string Id)> Devices(List<JsonNode> changes, string use, string resource) =>
        [
            .. changes
                .Where(c => ((string?)c["change"], (string?)c["resource"]) == (use, resource))
                .Select(c => ((string)c["node"]!, (string)c["device"]!))
                .Order(),
        ];

    private static async Task<List<(string Node, string Id)>> FreeAsync(ClusterBench bench, string resource)
    {
        var devices = await KubectlBench.RunAsync(bench.Kubeconfig, ["devices", "--resource", resource, "-o", "json"]);
        var items = JsonNode.Parse(devices.Output)!["items"]!.AsArray();
        return [.. items.Where(i => (string?)i!["state"] == "Free").Select(i => ((string)i!["node"]!, (string)i["id"]!)).Order()];
    }

    private static string Manifest(ClusterBench bench, string kind, string name, string spec)
    {
        var file = Path.Combine(Path.GetDirectoryName(bench.Kubeconfig.Split(':')[0])!, $"{name}-{Guid.NewGuid():n}.yaml");
        File.WriteAllText(file, $"apiVersion: hostdev.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {bench.Name(name)}}}\nspec: {spec}\n");
        return file;
    }

    private static async Task<(KubectlAnswer Answer, List<JsonNode> Changes)> PlanAsync(ClusterBench bench, string[] arguments)
    {
        var answer = await KubectlBench.RunAsync(bench.Kubeconfig, ["plan", .. arguments, "-o", "json"]);
        Assert.True(answer.Output.StartsWith('{'), answer.Error);
        return (answer, [.. JsonNode.Parse(answer.Output)!["changes"]!.AsArray().Select(c => c!)]);
    }

    private static async Task<KubectlAnswer> PlanAsync(
        KubectlBench bench,
        string devices,
        string nodes = "{}",
        string resource = "example.com/gpu"
    )
    {
        var file = Path.Combine(bench.Cluster.Directory, "policy.yaml");
        await File.WriteAllTextAsync(
            file,
            "apiVersion: hostdev.io/v1alpha1\nkind: HostDevice\nmetadata: {name: gpus}\n"
                + $"spec: {{resourceName: {resource}, nodeSelector: {nodes}, {devices}}}\n",
            TestContext.Current.CancellationToken
        );
        return await bench.RunAsync("plan", "-f", file);
    }
}
