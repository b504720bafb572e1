using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>What is in force does not hang on a name that changes: the kind of case 08-pf-interface-renamed.</summary>
public abstract class NameScenarios
{
    private const string Pf = "0000:81:00.0";
    private const string Numvfs = "/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs";
    private const string New = "ens7f0np0";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Case_08_pf_interface_renamed_keeps_every_VF_and_says_what_to_write()
    {
        var node = NewNode();
        var old = ScenarioNodes.InterfaceOf(node.Machine.Paths, Pf);
        await using var bench = await ScenarioBench.StartAsync(node, ByInterface(old));
        await bench.ReadyAsync();
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/vf"] = 1 }
        );
        Assert.Equal(PodPhase.Running, pod.Phase);
        var writes = bench.Host.Writer.Writes;

        node.RenameInterface(Pf, New);
        await bench.UntilAsync(() => bench.Problem("byname").Reason == Reasons.NameChanged);
        Assert.Equal(
            (
                Reasons.NameChanged,
                $"0000:81:00.0 was chosen by its interface {old}, which is called ens7f0np0 now: what is in force "
                    + "stays; write the new name or the address"
            ),
            bench.Problem("byname")
        );
        await StaysAsync(bench, writes);

        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problem("byname").Reason == Reasons.NameChanged);
        await StaysAsync(bench, 0);

        bench.Desire(ByInterface(New));
        await bench.UntilAsync(() => bench.Problem("byname").Reason == Reasons.Unsaid);
        await StaysAsync(bench, 0);
    }

    [Fact]
    public async Task Renamed_over_a_boot_it_has_its_VFs_again_and_a_card_that_has_the_old_name_now_is_not_taken()
    {
        var node = NewNode();
        var old = ScenarioNodes.InterfaceOf(node.Machine.Paths, Pf);
        await using var bench = await ScenarioBench.StartAsync(node, ByInterface(old));
        await bench.ReadyAsync();
        await bench.CrashAgentAsync();
        node.Reboot(bench.StateDirectory);
        var other = ScenarioNodes.InterfaceOf(node.Machine.Paths, "0000:41:00.0");
        var now = ScenarioNodes.InterfaceOf(node.Machine.Paths, Pf);
        node.RenameInterface(Pf, New);
        node.RenameInterface(
            "0000:41:00.0",
            old == now ? old
                : other == old ? "ens8f0"
                : old
        );
        if (other == old)
            node.RenameInterface("0000:41:00.0", old);
        bench.StartAgent();

        await bench.UntilAsync(() => bench.Read(Numvfs) == "3");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 3);
        Assert.Equal("0", bench.Read("/sys/bus/pci/devices/0000:41:00.0/sriov_numvfs"));
        await bench.UntilAsync(() => Reasons().SequenceEqual(["NameChanged", "NameMoved"])); // the status follows the kubelet's side

        IEnumerable<string> Reasons() =>
            (bench.Policy("byname")?["problems"]?.AsArray() ?? []).Select(p => (string)p!["reason"]!).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task An_alternative_name_is_a_name()
    {
        var node = NewNode();
        node.AddAlternativeName(Pf, "enp129s0f0np0");
        await using var bench = await ScenarioBench.StartAsync(node, ByInterface("enp129s0f0np0"));
        await bench.ReadyAsync();
        Assert.Equal("3", bench.Read(Numvfs));
    }

    [Fact]
    public async Task A_policy_that_matches_no_interface_is_told_which_there_are()
    {
        var node = NewNode();
        var name = ScenarioNodes.InterfaceOf(node.Machine.Paths, Pf);
        await using var bench = await ScenarioBench.StartAsync(node, ByInterface("ens1f0"));
        await bench.UntilAsync(() => (string?)bench.Policy("byname")?["reason"] == "NoMatch");
        Assert.Contains(
            $"no interface of a physical function is called ens1f0; there are ",
            (string)bench.Policy("byname")!["message"]!,
            StringComparison.Ordinal
        );
        Assert.Contains($"{name} (0000:81:00.0)", (string)bench.Policy("byname")!["message"]!, StringComparison.Ordinal);
    }

    private static async Task StaysAsync(ScenarioBench bench, long writes)
    {
        await bench.QuietAsync();
        Assert.Equal("3", bench.Read(Numvfs));
        Assert.Equal(3, bench.Kubelet.Allocatable("example.com/vf"));
        Assert.Equal("Ready", (string?)bench.Policy("byname")!["reason"]);
        Assert.Equal(writes, bench.Host.Writer.Writes);
    }

    private static string ByInterface(string name) =>
        $$"""
            policies:
            - kind: SriovPolicy
              name: byname
              spec:
                nodeSelector: {}
                physicalFunctions: [{interfaces: ["{{name}}"]}]
                numVfs: 3
                pools: [{name: a, vfs: [{first: 0, last: 2}], resourceName: example.com/vf}]

            """;
}

public sealed class SimulatedNameScenarios : NameScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // names are the network's: what vfio offers makes no difference
public sealed class RealNameScenarios : NameScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
