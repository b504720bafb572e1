using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What is wrong in one place is said in one sentence that names the place; everything else goes on. On the simulation: a real kernel
/// writes no garbage on demand.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class MalformedInputScenarios
{
    private static readonly string Edu = Desired.HostDevice("edu", "0000:46:00.0");

    [Theory]
    [InlineData(
        "{nodeSelector: {}, resourceName: example.com/gpu, priority: high, devices: {pci: {selectors: [{addresses: [\"0000:43:00.0\"]}]}}}",
        "InvalidSpec",
        "HostDevice/gpu: spec.priority: the value has the wrong type: write a whole number"
    )]
    [InlineData(
        "{nodeSelector: {}, resourceName: example.com/gpu, colour: red, devices: {pci: {selectors: [{addresses: [\"0000:43:00.0\"]}]}}}",
        "UnsupportedField",
        "HostDevice/gpu: this version does not know spec.colour: upgrade the agent, or correct the spelling"
    )]
    [InlineData(
        "{nodeSelector: {}, resourceName: example.com/gpu, devices: {pci: {selectors: [{addresses: [\"43:00\"]}]}}}",
        "InvalidSpec",
        "HostDevice/gpu: spec.devices.pci.selectors[0].addresses[0]: \"43:00\""
    )]
    [InlineData(
        "{nodeSelector: {}, resourceName: example.com/gpu, deviceFile: {uid: -1}, devices: {pci: {selectors: "
            + "[{addresses: [\"0000:43:00.0\"]}]}}}",
        "InvalidSpec",
        "HostDevice/gpu: spec.deviceFile.uid: -1: user IDs are 0 or more"
    )]
    public async Task A_policy_that_is_wrong_freezes_alone_in_the_version_that_was_understood(string spec, string reason, string words)
    {
        var node = new SimulatedNode();
        var gpu = Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(gpu));
        await bench.ReadyAsync();

        bench.Desire(Desired.Policies($"- kind: HostDevice\n  name: gpu\n  spec: {spec}\n", Edu));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1); // the other one is followed
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/gpu")); // and this one stays in force
        Assert.Equal("vfio-pci", bench.Driver("0000:43:00.0"));
        await bench.UntilAsync(() => bench.Problem("gpu").Reason == Reasons.Of(reason));
        Assert.StartsWith(words, bench.Problem("gpu").Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Hostdevice")]
    [InlineData("SriovPolicy")]
    public async Task A_wrong_kind_takes_nothing_away_and_says_so_over_a_restart(string kind)
    {
        var gpu = Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings");
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Desired.Policies(gpu));
        await bench.ReadyAsync();

        for (var start = 1; start <= 2; start++)
        {
            bench.Desire(Desired.Policies(gpu.Replace("HostDevice", kind, StringComparison.Ordinal), Edu));
            await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1); // the other one is followed
            await bench.UntilAsync(() =>
                bench.Problem("gpu").Reason == Reasons.UnsupportedField && bench.Kubelet.Allocatable("example.com/gpu") == 1
            );
            Assert.StartsWith($"{kind}/gpu: ", bench.Problem("gpu").Message, StringComparison.Ordinal);
            Assert.EndsWith(
                ". HostDevice/gpu stays in force as it was last understood, until this entry is corrected or left out",
                bench.Problem("gpu").Message,
                StringComparison.Ordinal
            );
            var policy = bench.Policy("gpu")!;
            Assert.Equal(("HostDevice", "Frozen", 1), ((string)policy["kind"]!, (string)policy["reason"]!, (int)policy["ready"]!));
            Assert.Equal(("vfio-pci", 0), (bench.Driver("0000:43:00.0"), bench.Status["releasing"]!.AsArray().Count));
            await bench.StopAgentAsync();
            bench.StartAgent();
        }

        bench.Desire(Desired.Policies(gpu));
        await bench.ReadyAsync();
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_name_that_stands_there_twice_freezes_that_policy_alone()
    {
        await using var bench = await ScenarioBench.StartAsync(
            new SimulatedNode(),
            Desired.Policies(Desired.HostDevice("gpu", "0000:43:00.0"), Edu, Desired.HostDevice("gpu", "0000:82:00.0"))
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        await bench.UntilAsync(() => bench.Problem("gpu").Message.Length > 0);
        Assert.Contains("policies[2] has the same kind and name as an earlier one", bench.Problem("gpu").Message, StringComparison.Ordinal);
        Assert.Null(bench.Driver("0000:43:00.0"));
        Assert.Null(bench.Driver("0000:82:00.0"));
    }

    [Theory]
    [InlineData("vendor", "", "is empty")]
    [InlineData("class", "0x03\0\0", "is not text")]
    [InlineData("subsystem_device", "many", "is no hexadecimal number: \"many\"")]
    [InlineData("driver_override", null, "is longer than 64 KiB")]
    public async Task A_device_that_cannot_be_read_is_neither_taken_nor_given_back_and_others_go_on(
        string attribute,
        string? content,
        string complaint
    )
    {
        var node = new SimulatedNode();
        var path = node.Machine.Paths.Resolve($"/sys/bus/pci/devices/0000:43:00.0/{attribute}");
        var whole = File.ReadAllText(path);
        var gpu = Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(gpu));
        await bench.ReadyAsync();
        if (attribute == "driver_override")
            whole = "vfio-pci\n";

        // Somebody wants it gone and something else done: the second happens.
        File.WriteAllText(path, content ?? new string('x', 70_000));
        bench.Desire(Desired.Policies(Edu));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        await bench.UntilAsync(() => bench.Status.ToJsonString().Contains(nameof(Reasons.Unreadable), StringComparison.Ordinal));
        Assert.Equal("vfio-pci", bench.Driver("0000:43:00.0"));
        var message = (string)bench.Status["releasing"]!.AsArray().Single(r => (string)r!["device"]! == "0000:43:00.0")!["message"]!;
        Assert.StartsWith("0000:43:00.0 is left as it is, because /sys/devices/", message, StringComparison.Ordinal);
        Assert.Contains($"/0000:43:00.0/{attribute} {complaint}: look at dmesg", message, StringComparison.Ordinal);
        Assert.Contains(
            bench.Status["host"]!["problems"]!.AsArray(),
            p => ((string)p!).EndsWith($"/0000:43:00.0/{attribute} {complaint}", StringComparison.Ordinal)
        );

        // Wanted again and still unreadable: said, not taken anew. Then it can be read.
        bench.Desire(Desired.Policies(gpu, Edu));
        await bench.UntilAsync(() => bench.Problem("gpu").Reason == Reasons.Unreadable);
        File.WriteAllText(path, whole);
        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver("0000:43:00.0"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Null(bench.Driver("0000:43:00.0"));
    }

    [Fact]
    public async Task A_driver_link_that_vanishes_between_two_reads_is_no_reason_to_give_up()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Edu, Desired.HostDevice("noacs", "0000:86:00.0")));
        await bench.ReadyAsync();
        var link = node.Machine.Paths.Resolve("/sys/bus/pci/devices/0000:46:00.0/iommu_group");
        var target = new FileInfo(link).LinkTarget!;
        File.Delete(link);
        File.WriteAllText(link, ""); // listed, and no link any more
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Problem("edu").Reason == Reasons.Unreadable);
        Assert.Contains("/iommu_group was listed and cannot be read as a link", bench.Problem("edu").Message, StringComparison.Ordinal);
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/noacs"));
        File.Delete(link);
        File.CreateSymbolicLink(link, target);
        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
    }

    [Fact]
    public async Task A_machine_whose_devices_cannot_be_listed_is_not_an_empty_one()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Edu));
        await bench.ReadyAsync();
        var devices = node.Machine.Paths.Resolve("/sys/bus/pci/devices");
        Directory.Move(devices, devices + ".away");
        File.CreateSymbolicLink(devices, devices); // ELOOP: an error that is not "there is none"
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() => bench.Condition("Degraded") == "True");
        Assert.Contains("/sys/bus/pci/devices cannot be listed", bench.Status.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu"));
        Assert.NotEmpty(bench.Host.Journal.State.Ownership.Functions);
        File.Delete(devices);
        Directory.Move(devices + ".away", devices);
        await bench.GivenBackAsync();
        Assert.Null(bench.Driver("0000:46:00.0"));
    }

    [Fact]
    public async Task A_damaged_journal_stops_all_writes_and_pods_keep_what_they_have()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Edu, Desired.HostDevice("noacs", "0000:86:00.0")));
        await bench.ReadyAsync();
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
        );
        Assert.Equal(PodPhase.Running, pod.Phase);
        await bench.StopAgentAsync();
        var path = Path.Combine(bench.StateDirectory, "journal.jsonl");
        var whole = File.ReadAllText(path);
        var lines = whole.Split('\n');
        lines[2] = lines[2][..(lines[2].Length / 2)];
        File.WriteAllText(path, string.Join('\n', lines));

        bench.Desire(Desired.Nothing);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Degraded") == "True");
        var degraded = bench.Status["conditions"]!.AsArray().Single(c => (string)c!["type"]! == "Degraded")!;
        Assert.Equal("JournalDamaged", (string)degraded["reason"]!);
        Assert.StartsWith($"{path}, line 3: ", (string)degraded["message"]!, StringComparison.Ordinal);
        Assert.EndsWith(
            "and restart the agent. Meanwhile nothing new is offered; pods keep what they have",
            (string)degraded["message"]!,
            StringComparison.Ordinal
        );
        await bench.UntilAsync(() => bench.Kubelet.Capacity("example.com/edu") == 1); // what the pod has stays registered
        Assert.Equal(("vfio-pci", "vfio-pci", 0L), (bench.Driver("0000:46:00.0"), bench.Driver("0000:86:00.0"), bench.Host.Writer.Writes));
        Assert.Equal(string.Join('\n', lines), File.ReadAllText(path));

        await bench.StopAgentAsync();
        File.WriteAllText(path, whole);
        bench.StartAgent();
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.GivenBackAsync();
        Assert.Equal("e1000e", bench.Driver("0000:86:00.0"));
    }
}
