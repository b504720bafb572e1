using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests.Demo;

/// <summary>The demo's cluster in the hands of somebody who plays with it, by the lines that it prints.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class PlaygroundTests(RunningDemo demo) : IClassFixture<RunningDemo>, IAsyncLifetime
{
    private const string Gpus = "example.com/gpu";

    private const string Disk = """
        apiVersion: hostdev.io/v1alpha1
        kind: HostDevice
        metadata: {name: disk}
        spec:
          resourceName: example.com/disk
          nodeSelector: {matchLabels: {kubernetes.io/hostname: mixed-1}}
          devices: {pci: {selectors: [{addresses: ["0000:83:00.0"]}]}}
        """;

    public async ValueTask InitializeAsync()
    {
        await demo.KubectlAsync("label", "node", "gpu-1", "mixed-1", "example.com/passthrough=true", "--overwrite");
        foreach (var example in (string[])["gpus", "usb-dongle"])
            await demo.KubectlAsync("apply", "-f", $"examples/cluster/{example}.yaml");
        await demo.KubectlAsync("wait", "--for=condition=Ready", "hostdevice/gpus", "hostdevice/dongles", "--timeout=60s");
        await demo.UntilAsync(said => said == "4", Allocatable("gpu-1"));
    }

    public async ValueTask DisposeAsync() => await demo.KubectlAsync("delete", "pods", "-n", "vms", "--all", "--timeout=60s");

    [Fact]
    public async Task A_pod_made_by_hand_gets_a_device_and_kubectl_delete_pod_ends()
    {
        await demo.KubectlAsync("apply", "-f", "examples/pods/gpu.yaml");
        await demo.KubectlAsync("wait", "-n", "vms", "--for=condition=Ready", "pod/render", "--timeout=60s");
        var log = await demo.KubectlAsync("logs", "-n", "vms", "render");
        Assert.Matches(
            @"^example\.com/gpu: (0000:..:00\.0)\nHOSTDEV_EXAMPLE_COM_GPU_INFO=\{""version"":1,.*\nPCI_RESOURCE_EXAMPLE_COM_GPU=\1\n",
            log[log.IndexOf(Gpus, StringComparison.Ordinal)..]
        );
        Assert.Contains("\n/dev/vfio/vfio\n", log, StringComparison.Ordinal);
        Assert.Matches(
            @"render +1/1 +Running +0 +\S+ +10\.244\.0\.\d+ +(gpu|mixed)-1 ",
            await demo.KubectlAsync("get", "pods", "-n", "vms", "-o", "wide")
        );
        Assert.Contains("Successfully assigned vms/render to ", await demo.KubectlAsync("events", "-n", "vms"), StringComparison.Ordinal);
        Assert.Equal("4", await demo.KubectlAsync(Allocatable("gpu-1"))); // of what is in use too
        Assert.Matches(
            @"(?s)Capacity:.* example\.com/gpu: +4\n.*Allocatable:.* example\.com/gpu: +4\n.*",
            await demo.KubectlAsync("describe", "node", "gpu-1")
        );

        await demo.KubectlAsync("delete", "pod", "-n", "vms", "render", "--timeout=30s");
        Assert.Contains(
            "\"render\" not found",
            (await demo.TryAsync("get", "pod", "-n", "vms", "render")).Errors,
            StringComparison.Ordinal
        );
        await demo.UntilAsync(said => Frees(said) is ["gpu-1 4", "mixed-1 1"], "hostdev", "free", Gpus);
    }

    [Fact]
    public async Task Each_question_is_one_command()
    {
        await demo.ApplyAsync(Disk);
        await demo.UntilAsync(said => Frees(said) is ["gpu-1 4", "mixed-1 1"], "hostdev", "free", Gpus); // which node has a free GPU

        await demo.KubectlAsync("apply", "-f", "examples/pods/gpu.yaml");
        await demo.UntilAsync( // which VM has this device
            said =>
                said.Split('\n')
                    .Any(l => l.Contains("Allocated", StringComparison.Ordinal) && l.Contains("render-vm", StringComparison.Ordinal)),
            "hostdev",
            "devices",
            "--resource",
            Gpus
        );

        await demo.UntilAsync( // why is this one not offered
            said => said.Contains("is mounted at /var/lib/postgresql", StringComparison.Ordinal),
            "hostdev",
            "explain",
            "mixed-1",
            "0000:83:00.0"
        );

        await demo.UntilAsync( // is anything degraded
            said => said.Split('\n').Any(l => l.StartsWith("HostDevice/disk   Blocked   ", StringComparison.Ordinal)),
            "hostdev",
            "problems"
        );

        await demo.ApplyAsync(Vfs(4));
        await demo.UntilAsync(said => said == "8", Allocatable("net-1", "example.com/vf"));
        Assert.Equal( // what if numVfs becomes 8
            """
            SriovPolicy/vfs would change; its nodeSelector picks 1 of 3 nodes
              nodes change 1 at a time, first net-1
            Something changes on 1 of 3 nodes.

            NODE    DEVICE                 CHANGE             RESOURCE         REASON   MESSAGE
            net-1   0000:3b:00.0           VirtualFunctions   <none>           <none>   8 virtual functions instead of 4
            net-1   0000:3b:00.1           VirtualFunctions   <none>           <none>   8 virtual functions instead of 4
            net-1   0000:3b:00.0 VFs 4-7   Offered            example.com/vf   <none>   <none>
            net-1   0000:3b:00.1 VFs 4-7   Offered            example.com/vf   <none>   <none>


            """,
            (await demo.PlanAsync(Vfs(8))).Split("Assumed: ")[0]
        );
        await demo.KubectlAsync("delete", "sriovpolicy/vfs");

        await demo.ApplyAsync(Pod("greedy", $"{Gpus}: 9"));
        await demo.UntilAsync( // why is this pod pending
            said => said.Contains("FailedScheduling", StringComparison.Ordinal),
            "hostdev",
            "why",
            "greedy",
            "-n",
            "vms"
        );
        var why = await demo.KubectlAsync("hostdev", "why", "greedy", "-n", "vms");
        Assert.Contains("vms/greedy: Pending\nNo node has 9 example.com/gpu free: ", why, StringComparison.Ordinal);
        Assert.Contains(
            "Unschedulable: 0/3 nodes are available: 3 Insufficient example.com/gpu. preemption: ",
            why,
            StringComparison.Ordinal
        );
        await demo.KubectlAsync("delete", "hostdevice/disk");
        await demo.UntilAsync(
            said => said.Contains("nothing is degraded: 2 policies, 3 nodes", StringComparison.Ordinal),
            "hostdev",
            "problems"
        );
    }

    [Fact]
    public async Task A_pod_waits_for_its_node_as_the_scheduler_says_and_a_kubelet_that_cannot_admit_one_refuses_it_for_good()
    {
        await demo.KubectlAsync("taint", "node", "mixed-1", "example.com/quiet=yes:NoSchedule", "--overwrite");
        await demo.KubectlAsync("cordon", "net-1");
        await demo.ApplyAsync(Pod("choosy", $"{Gpus}: 1", "nodeSelector: {kubernetes.io/hostname: mixed-1}"));
        await demo.UntilAsync(
            said =>
                said
                == "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
                    + "1 node(s) had untolerated taint {example.com/quiet: yes}, 1 node(s) were unschedulable. "
                    + "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            ["get", "pod", "-n", "vms", "choosy", "-o", "jsonpath={.status.conditions[?(@.type==\"PodScheduled\")].message}"]
        );
        await demo.KubectlAsync("taint", "node", "mixed-1", "example.com/quiet-");
        await demo.KubectlAsync("uncordon", "net-1");
        await demo.KubectlAsync("wait", "-n", "vms", "--for=condition=Ready", "pod/choosy", "--timeout=60s");
        Assert.Equal("mixed-1", await demo.KubectlAsync("get", "pod", "-n", "vms", "choosy", "-o", "jsonpath={.spec.nodeName}"));

        await demo.ApplyAsync(Pod("stubborn", $"{Gpus}: 1", "nodeName: mixed-1"));
        await demo.UntilAsync(
            said => said.StartsWith("Failed UnexpectedAdmissionError Pod was rejected: Allocate failed due to ", StringComparison.Ordinal),
            ["get", "pod", "-n", "vms", "stubborn", "-o", "jsonpath={.status.phase} {.status.reason} {.status.message}"]
        );
    }

    [Fact]
    public async Task What_is_pulled_is_offered_no_more_until_it_is_plugged_in_again()
    {
        var (code, said) = await demo.HandAsync("unplug", "gpu-1", "0000:82:00.0");
        Assert.Equal((0, "demo: 0000:82:00.0 and 0000:82:00.1 of gpu-1 are pulled\n"), (code, said));
        await demo.UntilAsync(s => s == "3", Allocatable("gpu-1"));
        await demo.UntilAsync(s => Frees(s) is ["gpu-1 3", "mixed-1 1"], "hostdev", "free", Gpus);
        Assert.Equal((0, "demo: 0000:82:00.0 and 0000:82:00.1 of gpu-1 are back\n"), await demo.HandAsync("plug", "gpu-1", "0000:82:00.0"));
        await demo.UntilAsync(s => Frees(s) is ["gpu-1 4", "mixed-1 1"], "hostdev", "free", Gpus);

        Assert.Equal(0, (await demo.HandAsync("unplug", "mixed-1", "0000:84:00.0/1")).ExitCode);
        await demo.UntilAsync(s => s == "0", Allocatable("mixed-1", "example.com/dongle"));
        Assert.Equal(0, (await demo.HandAsync("plug", "mixed-1", "0000:84:00.0/1")).ExitCode);
        await demo.UntilAsync(s => s == "1", Allocatable("mixed-1", "example.com/dongle"));

        Assert.Equal(
            (1, "demo: there is no node gpu-2: name one of gpu-1, mixed-1, net-1\n"),
            await demo.HandAsync("unplug", "gpu-2", "0000:82:00.0")
        );
        Assert.Equal(
            (1, "demo: nothing is in 0000:84:00.0/3 of mixed-1. USB devices are in: 0000:84:00.0/1, 0000:84:00.0/2\n"),
            await demo.HandAsync("unplug", "mixed-1", "0000:84:00.0/3")
        );
    }

    [Fact]
    public async Task Operators_and_agents_are_Pods_that_are_ready_and_have_logs()
    {
        var pods = (await demo.KubectlAsync("get", "pods", "-n", "hostdev-system", "--no-headers")).Split(
            '\n',
            StringSplitOptions.RemoveEmptyEntries
        );
        Assert.Equal(
            [
                "hostdev-device-plugin-gpu-1",
                "hostdev-device-plugin-mixed-1",
                "hostdev-device-plugin-net-1",
                "hostdev-operator-0",
                "hostdev-operator-1",
            ],
            pods.Select(p => p.Split(' ')[0])
        );
        Assert.All(pods, p => Assert.Matches(@" 1/1 +Running +0 ", p));
        Assert.Contains(
            "HostDevice/gpus",
            await demo.KubectlAsync("logs", "-n", "hostdev-system", "hostdev-device-plugin-gpu-1"),
            StringComparison.Ordinal
        );
        Assert.NotEmpty(await demo.KubectlAsync("logs", "-n", "hostdev-system", "hostdev-operator-0"));
    }

    [Fact]
    public void What_it_says_to_try_is_there_and_has_room_on_a_small_terminal()
    {
        var all = demo.Said.Split('\n').ToList();
        var (first, last) = (
            all.FindIndex(l => l.StartsWith("The cluster runs on", StringComparison.Ordinal)),
            all.FindIndex(l => l.StartsWith("  helm uninstall", StringComparison.Ordinal))
        );
        var lines = all[first..(last + 1)];
        Assert.All(lines.Where(l => l.StartsWith("  ", StringComparison.Ordinal)), l => Assert.InRange(l.Length, 0, 77));
        var files = lines.SelectMany(l => Regex.Matches(l, "(?:examples|charts|hack)/\\S*[a-z]")).Select(m => m.Value).ToList();
        Assert.Contains("examples/pods/gpu.yaml", files);
        Assert.All(files, f => Assert.True(Path.Exists(Repository.Path(f)), f));
    }

    private static string Vfs(int number) =>
        $$"""
            apiVersion: hostdev.io/v1alpha1
            kind: SriovPolicy
            metadata: {name: vfs}
            spec:
              nodeSelector: {matchLabels: {kubernetes.io/hostname: net-1} }
              physicalFunctions: [{vendor: "8086", device: "1592"}]
              numVfs: {{number}}
              pools: [{name: vms, vfs: [{first: 0, last: {{number - 1}} }], resourceName: example.com/vf}]
            """;

    private static string[] Allocatable(string node, string resource = Gpus) =>
        ["get", "node", node, "-o", $"jsonpath={{.status.allocatable.{resource.Replace(".", "\\.", StringComparison.Ordinal)}}}"];

    /// <summary>Nodes of <c>kubectl hostdev free</c>, each with how many are free.</summary>
    private static string[] Frees(string said)
    {
        var rows = said.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split("   ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .ToList();
        var (node, free) = rows.Count == 0 ? (-1, -1) : (Array.IndexOf(rows[0], "NODE"), Array.IndexOf(rows[0], "FREE"));
        return node < 0 || free < 0 ? [said] : [.. rows.Skip(1).Select(r => $"{r[node]} {r[free]}").Order(StringComparer.Ordinal)];
    }

    private static string Pod(string name, string limits, string more = "restartPolicy: Always") =>
        $$"""
            apiVersion: v1
            kind: Pod
            metadata:
              name: {{name}}
              namespace: vms
            spec:
              {{more}}
              containers:
              - name: compute
                image: registry.k8s.io/pause
                resources:
                  limits:
                    {{limits}}
            """;
}
