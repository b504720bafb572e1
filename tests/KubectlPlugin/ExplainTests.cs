using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary><c>kubectl hostdev explain</c>, <c>tree</c> and <c>why</c>, by the program itself.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class ExplainTests
{
    private const string Status = """
        names:
        - {class: pci, ids: "10de:24b0", name: RTX A4000}
        devices:
        - {id: "0000:11:00.0", class: pci, ids: "10de:24b0", driver: vfio-pci, numaNode: 0,
           state: Offered as example.com/gpu, pci: {iommuGroup: 11}}
        - {id: "0000:11:00.1", class: pci, driver: pci-stub, state: "Held by 0000:11:00.0 (on pci-stub)", pci: {iommuGroup: 11}}
        - {id: "0000:14:00.0", class: pci, ids: "10de:24b0", driver: nvidia, pci: {iommuGroup: 14}}
        - {id: "0000:15:00.0", class: pci, ids: "8086:1572", driver: i40e, pci: {iommuGroup: 15}}
        - {id: "0000:15:00.0/1.2", class: usb, usb: {serial: "7"}}
        virtualFunctions:
        - {physicalFunction: "0000:15:00.0", total: 8, current: 4, ranges: ["0-3: vfio-pci"]}
        allocations:
        - {id: "0000:11:00.0", resource: example.com/gpu, namespace: vms, pod: virt-launcher-a}
        policies:
        - kind: HostDevice
          name: gpu
          uid: u1
          generation: 1
          matched: 2
          ready: 1
          blocked: 1
          reason: Blocked
          message: 1 of 2 devices cannot be offered
          problems:
          - {device: "0000:14:00.0", state: Noticed, reason: OfTheFuture, message: "0000:14:00.0 is noticed"}
          - {device: "0000:14:00.0", state: Blocked, reason: NoIommu, message: "0000:14:00.0 has no IOMMU group"}
          - {device: "0000:14:00.0", state: Blocked, reason: OfTheFuture, message: "a later version says so"}
        resources:
        - {name: example.com/gpu, capacity: 1, allocatable: 1, registered: true}
        """;

    private const string Policies = "[{kind: HostDevice, name: gpu, uid: u1, generation: 1, spec: {resourceName: example.com/gpu}}]";

    [Fact]
    public async Task A_device_is_explained_with_cause_and_remedy_of_all_that_is_in_its_way()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        var answer = await bench.RunAsync("explain", "node-1", "0000:14:00.0");
        Assert.Equal(
            """
            0000:14:00.0 on node-1
            Name:        RTX A4000 (10de:24b0)
            Class:       pci
            Driver:      nvidia
            IOMMU group: 14
            State:       Blocked: not offered until somebody changes something
            Resource:    example.com/gpu

            HostDevice/gpu: Blocked, NoIommu
              0000:14:00.0 has no IOMMU group
              Cause:  the host gives the device no IOMMU group
              Remedy: switch the IOMMU on in the firmware, and on the kernel command line where the message says so
              Ends:   when somebody changes the policy, the cluster, the host or its firmware

            HostDevice/gpu: Blocked, OfTheFuture
              a later version says so

            HostDevice/gpu: Noticed, OfTheFuture
              0000:14:00.0 is noticed

            """,
            answer.Output
        );
        Assert.Equal(0, answer.ExitCode);
    }

    [Fact]
    public async Task A_device_that_a_pod_has_says_so_with_its_group_and_one_of_the_host_says_that_nobody_asks_for_it()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddPod("vms", "virt-launcher-a", vm: "render");
        var had = await bench.RunAsync("explain", "node-1", "0000:11:00.0");
        Assert.Contains("             with 0000:11:00.1: Held\n", had.Output, StringComparison.Ordinal);
        Assert.Contains("State:       Allocated: a pod has it\n", had.Output, StringComparison.Ordinal);
        Assert.Contains("Pod:         vms/virt-launcher-a\nVM:          render\nSince:       20", had.Output, StringComparison.Ordinal);
        var own = await bench.RunAsync("explain", "node-1", "0000:15:00.0");
        Assert.Contains("Below it:    0000:15:00.0/1.2: Host\n", own.Output, StringComparison.Ordinal);
        Assert.EndsWith(
            "No policy of this node says anything of it: kubectl get hostdev lists the policies, and what each matches.\n",
            own.Output,
            StringComparison.Ordinal
        );

        var json = JsonNode.Parse((await bench.RunAsync("explain", "node-1", "0000:14:00.0", "-o", "json")).Output)!;
        Assert.Equal(("Blocked", "NoIommu"), ((string?)json["device"]!["state"], (string?)json["findings"]![0]!["reason"]));
        var absent = await bench.RunAsync("explain", "node-1", "0000:ff:00.0");
        Assert.Equal(1, absent.ExitCode);
        Assert.StartsWith(
            "kubectl-hostdev: node-1 reports no device 0000:ff:00.0: kubectl hostdev devices --node node-1 lists those it has.",
            absent.Error,
            StringComparison.Ordinal
        );
    }

    /// <summary>A physical function keeps its driver, and what a pod is given by OnAllocate is the host's until then.</summary>
    [Theory]
    [InlineData("0000:15:00.0", "SriovPolicy/vfs asks for 4 virtual functions of it, and leaves it to the host")]
    [InlineData("0000:16:00.0", "SriovPolicy/foreign asks for the virtual functions that it has, and leaves it to the host")]
    [InlineData("0000:11:00.1", "HostDevice/lent asks for 0000:11:00.0, and it goes from the host with that")]
    [InlineData("0000:14:00.0", null)]
    public async Task A_device_of_the_host_says_which_policy_has_virtual_functions_of_it_or_takes_it_with_another(string id, string? asked)
    {
        const string status = """
            host: {kernel: '6.12', architecture: x86_64, bootId: b, iommu: true, interruptRemapping: 'Yes', kernelArguments: [],
              vfioDrivers: [vfio-pci], problems: []}
            devices:
            - {id: "0000:11:00.0", class: pci, ids: "10de:24b0", driver: nvidia, state: Offered as example.com/gpu,
               pci: {iommuGroup: 11, classCode: "030000"}}
            - {id: "0000:11:00.1", class: pci, ids: "10de:228b", driver: snd_hda_intel, pci: {iommuGroup: 11, classCode: "040300"}}
            - {id: "0000:14:00.0", class: pci, ids: "10de:1eb8", driver: nvidia, pci: {iommuGroup: 14, classCode: "030200"}}
            - {id: "0000:15:00.0", class: pci, ids: "8086:1572", driver: i40e,
               pci: {iommuGroup: 15, classCode: "020000", sriov: {totalVfs: 8, offset: 16, stride: 1}}}
            - {id: "0000:16:00.0", class: pci, ids: "15b3:1017", driver: mlx5_core,
               pci: {iommuGroup: 16, classCode: "020000", sriov: {totalVfs: 8, offset: 1, stride: 1}}}
            virtualFunctions:
            - {physicalFunction: "0000:15:00.0", total: 8, current: 4, ranges: ["0-3: vfio-pci"]}
            - {physicalFunction: "0000:16:00.0", total: 8, current: 2, ranges: ["0-1: mlx5_core"]}
            """;
        const string policies = """
            [{kind: HostDevice, name: lent, uid: u1, generation: 1, spec: {nodeSelector: {}, resourceName: example.com/gpu,
               binding: OnAllocate, devices: {pci: {selectors: [{vendor: "10de", device: "24b0"}],
               members: [{vendor: "10de", device: "228b", assigned: false}]}}}},
             {kind: SriovPolicy, name: vfs, uid: u2, generation: 1, spec: {nodeSelector: {}, numVfs: 4,
               physicalFunctions: [{vendor: "8086", device: "1572"}],
               pools: [{name: all, vfs: [{first: 0, last: 3}], driver: {type: Vfio}, resourceName: example.com/vf}]}},
             {kind: SriovPolicy, name: foreign, uid: u3, generation: 1, spec: {nodeSelector: {}, management: External,
               physicalFunctions: [{vendor: "15b3", device: "1017"}],
               pools: [{name: all, vfs: [{first: 0, last: 1}], driver: {type: Vfio}, resourceName: example.com/mlx}]}}]
            """;
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", status, policies);
        var answer = await bench.RunAsync("explain", "node-1", id);

        Assert.Contains("State:       Host: it is the host's\n", answer.Output, StringComparison.Ordinal);
        Assert.Equal(
            asked is null ? [] : [$"Asked for:   {asked}"],
            answer.Lines.Where(l => l.StartsWith("Asked", StringComparison.Ordinal))
        );
        Assert.Equal(asked is null, answer.Output.Contains("No policy of this node says anything of it", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_tree_shows_groups_and_what_hangs_on_what()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddPod("vms", "virt-launcher-a", vm: "render");
        var answer = await bench.RunAsync("tree", "node-1");
        Assert.Equal(
            """
            node-1
            ├─ IOMMU group 11
            │  ├─ 0000:11:00.0  RTX A4000  [vfio-pci]  Allocated  example.com/gpu  pod vms/virt-launcher-a  VM render
            │  └─ 0000:11:00.1  [pci-stub]  Held
            ├─ IOMMU group 14
            │  └─ 0000:14:00.0  RTX A4000  [nvidia]  Blocked  (NoIommu)  example.com/gpu
            └─ IOMMU group 15
               └─ 0000:15:00.0  8086:1572  [i40e]  Host
                  ├─ 4 of 8 virtual functions
                  │  └─ 0-3: vfio-pci
                  └─ 0000:15:00.0/1.2  Host

            """,
            answer.Output
        );
    }

    [Fact]
    public async Task A_pending_pod_is_told_what_is_free_who_has_the_rest_and_what_is_blocked()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddPod("vms", "virt-launcher-a", vm: "render");
        bench.AddPod(
            "vms",
            "late",
            more: """{spec: {containers: [{name: c, image: i, resources: {limits: {example.com/gpu: "1", cpu: "1"}}}]}}"""
        );
        var answer = await bench.RunAsync("why", "late", "-n", "vms");
        Assert.Equal((0, ""), (answer.ExitCode, answer.Error));
        Assert.Equal(
            """
            vms/late: Pending
            No node has 1 example.com/gpu free: 0 are free on 1 node, 1 are with pods.

            example.com/gpu: 1 asked for
              node-1: 0 of 1 free, 1 with pods, 0 unhealthy
              node-1 0000:11:00.0: Allocated, pod vms/virt-launcher-a (VM render)
              node-1: HostDevice/gpu: Blocked: 1 of 2 devices cannot be offered

            """,
            answer.Output
        );

        bench.AddState("node-2", "resources: [{name: example.com/gpu, capacity: 2, allocatable: 2, registered: true}]", Policies);
        Assert.Equal("node-2 has enough free: something else than devices keeps it.", (await bench.RunAsync("why", "vms/late")).Lines[1]);
    }

    [Theory]
    [InlineData("{cpu: \"1\"}", "It asks for no resource: devices have nothing to do with it.")]
    [InlineData("{a.b/c: \"1\"}", "It asks for a.b/c, which no policy names and no node offers: is the name spelled right?")]
    public async Task A_pod_that_asks_for_nothing_of_ours_is_told_so(string limits, string verdict)
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, Policies);
        bench.AddPod("vms", "other", more: $"{{spec: {{containers: [{{name: c, image: i, resources: {{limits: {limits}}}}}]}}}}");
        Assert.Equal(verdict, (await bench.RunAsync("why", "vms/other")).Lines[1]);
        var absent = await bench.RunAsync("why", "vms/none");
        Assert.Equal((1, "kubectl-hostdev: there is no pod vms/none: name another namespace with -n\n"), (absent.ExitCode, absent.Error));
    }

    [Fact]
    public async Task What_the_scheduler_and_the_kubelet_say_of_a_pod_is_told_and_policies_that_choose_no_node()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddPod("vms", "late", more: """{spec: {containers: [{name: c, image: i, resources: {limits: {example.com/gpu: "1"}}}]}}""");
        bench.Cluster.Server.Objects.Change(
            "pods",
            "late",
            p =>
                p["status"] = Cluster.ClusterBench.Yaml(
                    "{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, "
                        + "message: Insufficient gpu}]}"
                ),
            "vms",
            "status"
        );
        bench.Cluster.Server.Objects.Create(
            Cluster.ClusterBench.Yaml(
                """
                apiVersion: hostdev.io/v1alpha1
                kind: HostDevice
                metadata: {name: gpu}
                spec: {resourceName: example.com/gpu, nodeSelector: {}, devices: {pci: {selectors: [{vendor: "10de"}]}}}
                """
            )
        );
        bench.Cluster.Server.Objects.Create(
            Cluster.ClusterBench.Yaml(
                """
                apiVersion: events.k8s.io/v1
                kind: Event
                metadata: {name: late.1, namespace: vms}
                eventTime: "2026-01-01T00:00:00.000000Z"
                reportingController: default-scheduler
                reportingInstance: s
                action: Scheduling
                type: Warning
                reason: FailedScheduling
                note: 0/3 nodes are available
                regarding: {kind: Pod, name: late, namespace: vms}
                """
            )
        );
        var answer = await bench.RunAsync("why", "late", "-n", "vms");
        Assert.Equal(
            """
            vms/late: Pending
            No node offers example.com/gpu.
              Unschedulable: Insufficient gpu
              FailedScheduling: 0/3 nodes are available

            example.com/gpu: 1 asked for
              cluster: HostDevice/gpu: Unseen: no operator has looked at it yet

            """,
            answer.Output
        );
    }
}
