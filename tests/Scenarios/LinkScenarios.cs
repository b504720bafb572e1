using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>A x16 card that came up x8. The lab's devices have no link.</summary>
public sealed class LinkScenarios
{
    private const string Gpu = "0000:43:00.0";

    [Fact]
    public async Task A_x16_card_that_came_up_x8_stays_in_service_and_is_said_until_it_has_its_lanes_back()
    {
        var node = new SimulatedNode(LabMachine.Description.With(Gpu, f => f with { LinkWidth = 16 }));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("gpu", Gpu, pci: ", groupPolicy: HoldSiblings"))
        );
        await bench.ReadyAsync();
        Assert.DoesNotContain(bench.Problems("gpu"), p => p.Reason == Reasons.LinkNarrower);

        await bench.StopAgentAsync(); // what was seen outlives it
        node.Kernel.TrainLink(Gpu, 8);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problems("gpu").Contains((Gpu, Reasons.LinkNarrower)));
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/gpu"));
        Assert.NotEqual("True", bench.Condition("Degraded"));

        node.Kernel.TrainLink(Gpu, 16);
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Problems("gpu").All(p => p.Reason != Reasons.LinkNarrower));
        Assert.Equal(16, Assert.Single(new LinkFile(bench.StateDirectory).Links).Value.Width);
    }
}
