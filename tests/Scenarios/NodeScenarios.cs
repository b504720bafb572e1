using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The node half end to end: one desired file, one kubelet, one machine. Each scenario runs on the simulation and on the real kernel.
/// </summary>
public abstract class NodeScenarios
{
    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task One_file_brings_everything_up_and_an_empty_list_gives_it_all_back()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await bench.ReadyAsync();
        Assert.All(Desired.HostVfs, a => Assert.Equal("igbvf", bench.Driver(a)));
        Assert.Equal("1", bench.Read("/sys/bus/pci/devices/0000:41:00.0/sriov_drivers_autoprobe"));

        foreach (var (resource, primaries, numa) in Desired.Offers)
        {
            await bench.UntilAsync(
                () => bench.Kubelet.Allocatable(resource) == primaries.Length,
                $"the kubelet has {primaries.Length} of {resource}"
            );
            Assert.All(bench.Kubelet.Devices(resource), d => Assert.Equal(numa, d.NumaNode));
            var pod = await bench.Kubelet.AdmitPodAsync(
                "vms",
                $"vm-{resource.Split('/')[1]}",
                new Dictionary<string, int>(StringComparer.Ordinal) { [resource] = primaries.Length }
            );
            Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
            OfferPromises.Check(bench, pod, resource, primaries);
        }

        foreach (var address in Desired.Offers.SelectMany(o => o.Primaries))
            Assert.Null(node.TakeAllTheWay(address));
        // no group twice
        Assert.All(bench.Kubelet.Pods, p => Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, p, bench.Kubelet.Pods)));

        foreach (var pod in bench.Kubelet.Pods)
            bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    private static async Task<IEnumerable<string>> JournalTailAsync(ScenarioBench bench) =>
        (await File.ReadAllLinesAsync(Path.Combine(bench.StateDirectory, Journal.FileName))).TakeLast(12);

    [Fact]
    public async Task Nothing_is_written_when_nothing_differs_neither_by_a_second_look_nor_after_a_restart()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Everything);
        await bench.ReadyAsync();
        var writes = bench.Host.Writer.Writes;
        var lists = Desired.Offers.ToDictionary(o => o.Resource, o => bench.Kubelet.Registrations[o.Resource]);
        var rounds = bench.Host.Agent.Reconciles;
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Host.Agent.Reconciles > rounds);
        await bench.Host.Agent.ReconcileAsync(TestContext.Current.CancellationToken);
        Assert.True(
            writes == bench.Host.Writer.Writes,
            $"{bench.Host.Writer.Writes - writes} writes more, the last of:\n{string.Join('\n', await JournalTailAsync(bench))}"
        );
        Assert.All(lists, l => Assert.Equal(l.Value, bench.Kubelet.Registrations[l.Key])); // no stream was dropped: nobody registered again

        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() =>
            bench.Host.Agent.Reconciles > 0
            && bench.Condition("Ready") == "True"
            && Desired.Offers.All(o => bench.Kubelet.Allocatable(o.Resource) == o.Primaries.Length)
        );
        Assert.Equal(0, bench.Host.Writer.Writes);
    }

    [Fact]
    public async Task The_same_devices_get_the_same_answer_after_the_agent_and_the_kubelet_were_restarted()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Everything);
        await bench.ReadyAsync();
        var before = await AnswersAsync(bench);
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.Kubelet.RestartAsync(TestContext.Current.CancellationToken);
        await bench.UntilAsync(() => Desired.Offers.All(o => bench.Kubelet.Allocatable(o.Resource) == o.Primaries.Length));
        Assert.Equal(before, await AnswersAsync(bench));
    }

    [Fact]
    public async Task A_missing_empty_or_cut_off_file_changes_nothing_and_is_said()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.ReadyAsync();
        var writes = bench.Host.Writer.Writes;

        File.Delete(bench.DesiredFile);
        await bench.UntilAsync(() => Synced(bench).Contains("does not exist", StringComparison.Ordinal));
        await File.WriteAllTextAsync(bench.DesiredFile, "");
        await bench.UntilAsync(() => Synced(bench).Contains("to give everything back write \"policies: []\"", StringComparison.Ordinal));
        await File.WriteAllTextAsync(bench.DesiredFile, "policies:\n- kind: HostDev");
        await bench.UntilAsync(() => Synced(bench).Contains("cut off", StringComparison.Ordinal));

        Assert.Equal(writes, bench.Host.Writer.Writes);
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu"));
    }

    [Fact]
    public async Task A_mounted_disk_is_refused_with_its_mount_point_until_it_is_unmounted()
    {
        var node = NewNode();
        var mount = node.MountDisk("0000:84:00.0", "/mnt/hostdev-data");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("disk", "0000:84:00.0")));
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.Protected);
        Assert.Contains("is mounted at /mnt/hostdev-data", bench.Problem("disk").Message, StringComparison.Ordinal);
        Assert.Contains("allowProtected", bench.Problem("disk").Message, StringComparison.Ordinal);
        Assert.Equal("nvme", bench.Driver("0000:84:00.0"));
        Assert.Equal(0, bench.Host.Writer.Writes);

        mount.Dispose();
        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver("0000:84:00.0"));
    }

    [Fact]
    public async Task The_console_is_refused_and_taken_when_the_admin_names_it()
    {
        await using var bench = await ScenarioBench.StartAsync(
            NewNode(),
            Desired.Policies(Desired.HostDevice("vga", "0000:42:00.0", pci: ", groupPolicy: HoldSiblings"))
        );
        await bench.UntilAsync(() => bench.Problem("vga").Reason == Reasons.Protected);
        Assert.Contains("boot VGA", bench.Problem("vga").Message, StringComparison.Ordinal);
        Assert.Contains("list Console in allowProtected", bench.Problem("vga").Message, StringComparison.Ordinal);

        bench.Desire(
            Desired.Policies(Desired.HostDevice("vga", "0000:42:00.0", "allowProtected: [Console]", ", groupPolicy: HoldSiblings"))
        );
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver("0000:42:00.0"));
    }

    [Fact]
    public async Task A_sibling_that_nobody_declared_blocks_and_both_remedies_are_named()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Policies(Desired.HostDevice("dual", "0000:45:00.0")));
        await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.UndeclaredSiblings);
        var message = bench.Problem("dual").Message;
        Assert.Contains("0000:45:00.1", message, StringComparison.Ordinal);
        Assert.Contains("members: [{address: \"0000:45:00.1\", assigned: false}]", message, StringComparison.Ordinal);
        Assert.Contains("HoldSiblings or AssignSiblings", message, StringComparison.Ordinal);
        Assert.Equal("e1000e", bench.Driver("0000:45:00.0"));
        Assert.Equal(0, bench.Host.Writer.Writes);
    }

    [Fact]
    public async Task More_VFs_than_the_device_has_are_refused_before_any_write()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Policies(Desired.Vfs(8)));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.TooManyVfs);
        Assert.Equal(
            "0000:81:00.0 asks for 8 VFs but sriov_totalvfs is 7: set numVfs to at most 7, or raise it in firmware",
            bench.Problem("vfs").Message
        );
        Assert.Equal(0, bench.Host.Writer.Writes);
    }

    [Fact]
    public async Task A_change_of_the_VF_count_waits_before_the_write_for_whoever_holds_one_and_then_completes()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        var writes = bench.Host.Writer.Writes;
        using (var holder = await node.HoldAsync("0000:81:10.0"))
        {
            bench.Desire(Desired.Policies(Desired.Vfs(4)));
            await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.InUse);
            Assert.Contains($"is held open by process {holder.ProcessId}", bench.Problem("vfs").Message, StringComparison.Ordinal);
            Assert.Contains("goes from 2 to 4 VFs", bench.Problem("vfs").Message, StringComparison.Ordinal);
            Assert.Equal(writes, bench.Host.Writer.Writes);
            Assert.Equal("2", bench.Read("/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs"));
            Assert.Equal(2, bench.Kubelet.Allocatable("example.com/vf")); // WhenIdle withdraws nothing
        }

        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 4);
        Assert.Equal("4", bench.Read("/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs"));
    }

    [Fact]
    public async Task A_device_that_a_pod_has_is_given_back_only_after_the_pod_is_gone()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        Assert.Equal(
            PodPhase.Running,
            (
                await bench.Kubelet.AdmitPodAsync(
                    "vms",
                    "vm",
                    new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
                )
            ).Phase
        );
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() =>
            bench.Status["releasing"] is JsonArray { Count: 1 } r
            && ((string)r[0]!["message"]!).Contains("pod vms/vm has 0000:46:00.0", StringComparison.Ordinal)
        );
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
        Assert.Null(bench.Kubelet.CauseOfDeath);

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.GivenBackAsync();
        Assert.Null(bench.Driver("0000:46:00.0"));
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    [Fact]
    public async Task A_device_that_goes_turns_Unhealthy_and_is_Healthy_again_when_it_comes_back()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        var began = TimeProvider.System.GetTimestamp();
        Assert.Equal("success", node.Machine.Calls.WriteAttribute("/sys/bus/pci/devices/0000:46:00.0/remove", "1").Name);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 0);
        var down = TimeProvider.System.GetElapsedTime(began);
        began = TimeProvider.System.GetTimestamp();
        Assert.Equal("success", node.Machine.Calls.WriteAttribute("/sys/bus/pci/rescan", "1").Name);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"Unhealthy {down.TotalMilliseconds:F0} ms after it went, Healthy "
                + $"{TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:F0} ms after it came"
        );
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
    }

    [Fact]
    public async Task A_driver_taken_away_by_hand_is_given_again()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.ReadyAsync();
        Assert.Equal("success", node.Machine.Calls.WriteAttribute("/sys/bus/pci/drivers/vfio-pci/unbind", "0000:46:00.0").Name);
        await bench.UntilAsync(() => bench.Driver("0000:46:00.0") == "vfio-pci" && bench.Kubelet.Allocatable("example.com/edu") == 1);
    }

    /// <summary>Env and nodes of an Allocate for each resource, as text.</summary>
    private static async Task<List<string>> AnswersAsync(ScenarioBench bench)
    {
        var answers = new List<string>();
        foreach (var (resource, primaries, _) in Desired.Offers)
        {
            var outcome = await bench.Host.Allocator.AllocateAsync(
                ResourceName.Parse(resource),
                [.. primaries],
                TestContext.Current.CancellationToken
            );
            var granted = Assert.IsType<AllocateOutcome.Granted>(outcome);
            answers.Add($"{string.Join(' ', granted.Envs)} {string.Join(' ', granted.Nodes)}");
        }

        return answers;
    }

    private static string Synced(ScenarioBench bench) =>
        (bench.Status["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == "Synced")?["message"]?.GetValue<string>()
        ?? "";
}

public sealed class SimulatedNodeScenarios : NodeScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealNodeScenarios : NodeScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
