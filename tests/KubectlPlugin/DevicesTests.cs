using System.Text.Json.Nodes;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary><c>kubectl hostdev devices</c>, <c>resources</c> and <c>free</c>, by the program itself.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class DevicesTests
{
    /// <summary>One device in every state, of every class.</summary>
    private const string Status = """
        names:
        - {class: pci, ids: "10de:24b0", name: RTX A4000}
        - {class: usb, ids: "1050:0407", name: Security Key}
        devices:
        - {id: "0000:11:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci, numaNode: 0,
           state: Offered as example.com/gpu, pci: {iommuGroup: 11}}
        - {id: "0000:11:00.1", class: pci, ids: "10de:228b", driver: pci-stub,
           state: "Held by 0000:11:00.0 (on pci-stub)", pci: {iommuGroup: 11}}
        - {id: "0000:12:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci, state: Offered as example.com/gpu, pci: {iommuGroup: 12}}
        - {id: "0000:13:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci,
           state: "Not offered as example.com/gpu: it fell off the bus", pci: {iommuGroup: 13}}
        - {id: "0000:14:00.0", class: pci, ids: "10de:24b0", driver: nvidia, pci: {iommuGroup: 14}}
        - {id: "0000:15:00.0", class: pci, ids: "10de:24b0", driver: nvidia, pci: {iommuGroup: 15}}
        - {id: "0000:16:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci, state: Offered as example.com/gpu, pci: {iommuGroup: 16}}
        - {id: "0000:00:14.0/4.2", class: usb, ids: "1050:0407", driver: usbhid, state: Offered as example.com/key, usb: {serial: "0042"}}
        - {id: scsi-0123456789abcdef, class: scsi, scsi: {vendor: ACME, model: Disk, controller: "0000:11:00.0"}}
        - {id: 5a1e0b7c-9f34-8d21-b6a0-1234567890ab, class: mdev,
           state: Offered as example.com/vgpu, mdev: {typeId: nvidia-222, parent: "0000:12:00.0"}}
        allocations:
        - {id: "0000:11:00.0", resource: example.com/gpu, namespace: vms, pod: virt-launcher-a}
        - {id: "0000:16:00.0", resource: example.com/gpu, waitsFor: "0000:16:00.0 is open in a process"}
        - {id: "0000:41:10.0", resource: example.com/vf, namespace: vms, pod: plain}
        policies:
        - kind: HostDevice
          name: gpu
          uid: u1
          generation: 1
          matched: 6
          ready: 3
          blocked: 1
          reason: Blocked
          message: m
          problems:
          - {device: "0000:14:00.0", state: Blocked, reason: Protected, message: "0000:14:00.0 is in use: boot VGA"}
          - {device: "0000:13:00.0", state: Waiting, reason: Faulty, message: it fell off the bus}
        resources:
        - {name: example.com/gpu, capacity: 4, allocatable: 3, registered: true}
        - {name: example.com/key, capacity: 1, allocatable: 1, registered: true}
        - {name: example.com/vf, capacity: 8, allocatable: 8, registered: true}
        """;

    private const string Policies = "[{kind: HostDevice, name: gpu, uid: u1, generation: 1, spec: {resourceName: example.com/gpu}}]";

    [Fact]
    public async Task Each_device_has_its_state_its_resource_and_who_has_it()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddPod("vms", "virt-launcher-a", vm: "render");
        bench.AddPod("vms", "plain");

        var answer = await bench.RunAsync("devices");
        Assert.Equal((0, ""), (answer.ExitCode, answer.Error));
        Assert.Equal(["CLASS", "NODE", "ID", "NAME", "STATE", "RESOURCE", "POD", "VM", "SINCE", "REASON"], answer.Cells[0]);
        string[] expected =
        [
            "pci 0000:11:00.0 RTX A4000 Allocated example.com/gpu vms/virt-launcher-a render <none>",
            "pci 0000:11:00.1 <none> Held <none> <none> <none> <none>",
            "pci 0000:12:00.0 RTX A4000 Free example.com/gpu <none> <none> <none>",
            "pci 0000:13:00.0 RTX A4000 Unhealthy example.com/gpu <none> <none> Faulty",
            "pci 0000:14:00.0 RTX A4000 Blocked example.com/gpu <none> <none> Protected",
            "pci 0000:15:00.0 RTX A4000 Host <none> <none> <none> <none>",
            "pci 0000:16:00.0 RTX A4000 Returning example.com/gpu <none> <none> <none>",
            "usb 0000:00:14.0/4.2 Security Key Free example.com/key <none> <none> <none>",
            "scsi scsi-0123456789abcdef ACME Disk Host <none> <none> <none> <none>",
            "mdev 5a1e0b7c-9f34-8d21-b6a0-1234567890ab nvidia-222 Free example.com/vgpu <none> <none> <none>",
            "pci 0000:41:10.0 <none> Allocated example.com/vf vms/plain <none> <none>",
        ];
        Assert.Equal(expected, answer.Cells.Skip(1).Select(c => string.Join(' ', c.Where((_, i) => i is not (1 or 8)))));
        var since = answer.Column("SINCE");
        Assert.Matches(@"^\d+s$", since[0]);
        Assert.Matches(@"^\d+s$", since[^1]);
        Assert.All(since[1..^1], s => Assert.Equal("<none>", s));
    }

    [Fact]
    public async Task Wide_adds_ids_driver_group_and_the_message()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        var answer = await bench.RunAsync("devices", "-o", "wide", "--node", "node-1", "--class", "pci,SCSI");
        Assert.Equal(9, answer.Lines.Length - 1);
        Assert.Equal("10de:24b0", answer.Column("IDS")[0]);
        Assert.Equal("pci-stub", answer.Column("DRIVER")[1]);
        Assert.Equal("14", answer.Column("GROUP")[4]);
        Assert.Equal("0000:14:00.0 is in use: boot VGA", answer.Column("MESSAGE")[4]);
        Assert.Equal("0000:16:00.0 is open in a process", answer.Column("MESSAGE")[6]);
    }

    [Fact]
    public async Task JSON_and_YAML_say_the_same_and_filters_hold()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddState("node-2", Status.Replace("example.com/gpu", "example.com/other", StringComparison.Ordinal));
        string[] filter = ["devices", "--resource", "example.com/gpu", "--output"];
        var json = JsonNode.Parse((await bench.RunAsync([.. filter, "json"])).Output)!.AsObject();
        Assert.Equal("DeviceList", (string?)json["kind"]);
        var items = json["items"]!.AsArray();
        Assert.Equal(["Allocated", "Free", "Unhealthy", "Blocked", "Returning"], items.Select(i => (string?)i!["state"]));
        Assert.All(items, i => Assert.Equal("node-1", (string?)i!["node"]));
        Assert.Equal((11, "virt-launcher-a"), ((int)items[0]!["iommuGroup"]!, (string?)items[0]!["pod"]));
        var yaml = ClusterBench.Yaml((await bench.RunAsync([.. filter, "YAML"])).Output);
        Assert.Equal(json.ToJsonString(), yaml.ToJsonString());

        Assert.Equal(
            """{"kind":"DeviceList","items":[]}""",
            Compact((await bench.RunAsync([.. filter[..2], "a.b/c", "-o", "json"])).Output)
        );
        Assert.Equal("kind: DeviceList\nitems: []\n", (await bench.RunAsync([.. filter[..2], "a.b/c", "-o", "yaml"])).Output);
        var none = await bench.RunAsync([.. filter[..2], "a.b/c"]);
        Assert.Equal(("", "kubectl-hostdev: no device is reported that was asked for\n"), (none.Output, none.Error));
    }

    [Fact]
    public async Task Resources_are_counted_by_node_and_free_lists_where_there_are_any()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddState(
            "node-2",
            "resources: [{name: example.com/gpu, capacity: 1, allocatable: 0, registered: false, problem: no kubelet}]"
        );
        var answer = await bench.RunAsync("resources");
        Assert.Equal(
            [
                "NODE RESOURCE CAPACITY FREE ALLOCATED UNHEALTHY CORDONED REGISTERED",
                "node-1 example.com/gpu 4 1 2 1 0 yes",
                "node-1 example.com/key 1 1 0 0 0 yes",
                "node-1 example.com/vf 8 7 1 0 0 yes",
                "node-2 example.com/gpu 1 0 0 1 0 no",
            ],
            answer.Cells.Select(c => string.Join(' ', c))
        );

        var free = await bench.RunAsync("free", "example.com/gpu");
        Assert.Equal(["NODE FREE CAPACITY DEVICES", "node-1 1 4 0000:12:00.0"], free.Cells.Select(c => string.Join(' ', c)));
        var none = await bench.RunAsync("free", "example.com/absent");
        Assert.Equal(
            (0, "", "kubectl-hostdev: no node offers example.com/absent: kubectl hostdev resources lists what there is\n"),
            (none.ExitCode, none.Output, none.Error)
        );
    }

    [Fact]
    public async Task What_nobody_reported_and_what_cannot_be_asked_is_a_sentence()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml("{apiVersion: hostdev.io/v1alpha1, kind: NodeDeviceState, metadata: {name: node-9}, spec: {policies: []}}")
        );
        var answer = await bench.RunAsync("devices");
        Assert.StartsWith(
            "kubectl-hostdev: node-9: its agent has not reported yet: does its Pod run?\n",
            answer.Error,
            StringComparison.Ordinal
        );
        var absent = await bench.RunAsync("devices", "--node", "node-8");
        Assert.Equal(
            (
                1,
                "kubectl-hostdev: there is no NodeDeviceState node-8: no agent runs on a node of that name; kubectl get "
                    + "nodedevicestates lists all\n"
            ),
            (absent.ExitCode, absent.Error)
        );
        foreach (var definition in bench.Cluster.Server.Objects.List("customresourcedefinitions.apiextensions.k8s.io"))
            bench.Cluster.Server.Objects.Delete("customresourcedefinitions.apiextensions.k8s.io", (string)definition["metadata"]!["name"]!);
        await bench.Cluster.Server.SettleAsync(TestContext.Current.CancellationToken);
        var without = await bench.RunAsync("devices");
        Assert.Equal(1, without.ExitCode);
        Assert.Equal(
            "kubectl-hostdev: there is no Hostdev in this cluster, which does not know the kind NodeDeviceState: install the chart, or "
                + "name another cluster with --context or --kubeconfig\n",
            without.Error
        );
        var wrong = await bench.RunAsync("devices", "-o", "xml", "--class", "floppy");
        Assert.Equal(1, wrong.ExitCode);
        Assert.Contains("--output is \"xml\": write table, wide, json or yaml", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("--class names \"floppy\": write any of pci, usb, scsi, mdev", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_right_is_named_with_the_role_that_gives_it_and_without_pods_the_rest_is_there()
    {
        await using var bench = await KubectlBench.StartAsync(rbac: true);
        bench.AddState("node-1", Status, Policies);
        var nobody = await bench.RunAsAsync("ann", "devices");
        Assert.Equal((1, ""), (nobody.ExitCode, nobody.Output));
        Assert.Contains("cannot list resource \"nodedevicestates\"", nobody.Error, StringComparison.Ordinal);
        Assert.EndsWith(": ask for the ClusterRole hostdev-view, by a ClusterRoleBinding\n", nobody.Error, StringComparison.Ordinal);

        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: states}, "
                    + "rules: [{apiGroups: [hostdev.io], resources: [nodedevicestates], verbs: [get, list, watch]}]}"
            )
        );
        bench.Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: ben}, "
                    + "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: states}, "
                    + "subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ben}]}"
            )
        );
        var viewer = await bench.RunAsAsync("ben", "devices");
        Assert.Equal((0, 11), (viewer.ExitCode, viewer.Lines.Length - 1));
        Assert.Equal("vms/virt-launcher-a", viewer.Column("POD")[0]);
        Assert.StartsWith("kubectl-hostdev: VMs and times are not known: pods", viewer.Error, StringComparison.Ordinal);
        Assert.Single(viewer.Error.Trim().Split('\n'));
    }

    /// <summary>Whoever has a node's token writes what they like into its status.</summary>
    [Fact]
    public async Task Texts_of_a_status_do_not_reach_the_terminal_as_they_are()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState(
            "node-1",
            """
            names: [{ids: "10de:24b0", name: "A\u001b[2J\nB"}]
            devices: [{id: "0000:11:00.0", class: pci, ids: "10de:24b0", state: "Held\rby \u202ex"}]
            """
        );
        var answer = await bench.RunAsync("devices", "-o", "wide");
        Assert.Equal(2, answer.Lines.Length);
        Assert.Equal(@"A\u001b[2J\nB", answer.Column("NAME")[0]);
        Assert.Equal(@"Held\rby \u202ex", answer.Column("MESSAGE")[0]);
        foreach (var form in (string[])["json", "yaml"])
            Assert.DoesNotContain('\u001b', (await bench.RunAsync("devices", "-o", form)).Output);
    }

    private static string Compact(string json) => JsonNode.Parse(json)!.ToJsonString();
}
