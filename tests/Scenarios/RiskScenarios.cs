using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>A device of which nothing is wiped between two VMs, on both kernels.</summary>
public abstract class RiskScenarios
{
    private const string Edu = "0000:46:00.0";

    private protected abstract IScenarioNode NewNode();

    /// <summary>
    /// An admin takes all ways to reset it from the kernel, as a quirk of the kernel does for devices that a reset harms.
    /// </summary>
    [Fact]
    public async Task A_device_without_a_reset_is_taken_for_a_policy_alone_that_names_both()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Nothing, start: false);
        try
        {
            node.Write(($"/sys/bus/pci/devices/{Edu}/reset_method", "\n"));
            bench.Desire(Desired.Policies(Desired.HostDevice("edu", Edu)));
            bench.StartAgent();
            await bench.UntilAsync(() => bench.Problem("edu").Reason == Risks.NoReset.Reason);
            Assert.StartsWith(
                $"{Edu} cannot be passed safely: the kernel knows no way to reset {Edu}, so the next VM finds it as the last one left it",
                bench.Problem("edu").Message,
                StringComparison.Ordinal
            );
            Assert.Equal(0, bench.Host.Writer.Writes);

            bench.Desire(Desired.Policies(Desired.HostDevice("edu", Edu, "acceptRisks: [NoReset]")));
            await bench.ReadyAsync();
            Assert.Equal([Risks.NoReset.Reason], bench.Accepted("edu"));
            Assert.Null(node.TakeAllTheWay(Edu));
            await bench.StopAgentAsync();

            // In force, whatever the policy says after an upgrade.
            bench.Desire(Desired.Policies(Desired.HostDevice("edu", Edu)));
            bench.StartAgent();
            await bench.UntilAsync(() => bench.Problem("edu").Message.EndsWith("and stays so", StringComparison.Ordinal));
            await bench.ReadyAsync();
            Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu"));
            bench.Desire(Desired.Nothing);
            await bench.GivenBackAsync();
        }
        finally
        {
            node.Write(($"/sys/bus/pci/devices/{Edu}/reset_method", "default\n"));
        }

        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }
}

public sealed class SimulatedRiskScenarios : RiskScenarios
{
    private const string Edu = "0000:46:00.0";
    private const string Board = "0000:46:00.0 (AMD Instinct MI300X)";

    /// <summary>The ids of a board that no QEMU has.</summary>
    private static readonly MachineDescription s_withBoard = LabMachine.Description.With(
        Edu,
        f => f with { Vendor = PciId.Parse("1002"), Device = PciId.Parse("74a1") }
    );

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task A_board_that_a_reset_harms_is_taken_for_a_policy_alone_that_accepts_it()
    {
        var node = new SimulatedNode(s_withBoard);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", Edu)));
        await bench.UntilAsync(() => bench.Problem("edu").Reason == Reasons.Of("ResetHarmful"));
        Assert.StartsWith($"{Edu} cannot be passed safely: a reset of {Board} ", bench.Problem("edu").Message, StringComparison.Ordinal);
        Assert.EndsWith(
            ", or list Reset in acceptRisks together with the address to pass it all the same",
            bench.Problem("edu").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Desired.Policies(Desired.HostDevice("edu", Edu, "acceptRisks: [Reset]")));
        await bench.ReadyAsync();
        Assert.Equal([Risks.Reset.Reason], bench.Accepted("edu"));
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu"));
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealRiskScenarios : RiskScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
