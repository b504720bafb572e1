using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Hosts that cannot pass devices: every policy says why and what to do, and nothing is written. In the lab each runs in a boot of its own.
/// </summary>
public abstract class HostLacksScenarios
{
    private static readonly string[] Policies = ["nics", "nvme", "gpu", "dual", "noacs", "behind-bridge"];

    private protected static async Task EverythingIsRefusedAsync(IScenarioNode node, Reason reason, params string[] words)
    {
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await RefusedAsync(bench, before, reason, words);
    }

    private protected static async Task RefusedAsync(ScenarioBench bench, TreeSnapshot before, Reason reason, params string[] words)
    {
        foreach (var policy in Policies)
        {
            await bench.UntilAsync(() => bench.Problem(policy).Reason != Reasons.Unsaid, $"{policy} says what is wrong");
            Assert.Equal(reason, bench.Problem(policy).Reason);
            Assert.All(words, w => Assert.Contains(w, bench.Problem(policy).Message, StringComparison.Ordinal));
        }

        Assert.Equal("False", bench.Condition("Ready"));
        Assert.All(Desired.Offers, o => Assert.Equal(0, bench.Kubelet.Allocatable(o.Resource) ?? 0));
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Empty(TreeSnapshot.Diff(before, bench.Node.Snapshot()));
    }
}

public abstract class WithoutIommuScenarios : HostLacksScenarios
{
    private protected abstract IScenarioNode NewNode();

    [Fact]
    public Task Without_an_IOMMU_everything_is_refused_and_nothing_is_written() =>
        EverythingIsRefusedAsync(NewNode(), Reasons.NoIommu, "has no IOMMU group", "boot with intel_iommu=on");
}

public abstract class WithoutInterruptRemappingScenarios : HostLacksScenarios
{
    private protected abstract IScenarioNode NewNode();

    [Fact]
    public Task Without_interrupt_remapping_everything_is_refused_and_nothing_is_written() =>
        EverythingIsRefusedAsync(
            NewNode(),
            Reasons.NoInterruptRemapping,
            "does not remap interrupts",
            "remove intremap=off from the kernel command line"
        );

    /// <summary>
    /// The kernel takes devices then, and passes what nothing isolates: only who writes it into a policy gets that. What is in force stays
    /// when the policy does not say it any more.
    /// </summary>
    [Fact]
    public async Task Unsafe_interrupts_are_used_by_policies_alone_that_name_them()
    {
        const string edu = "0000:46:00.0";
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Nothing, start: false);
        try
        {
            AllowUnsafeInterrupts(node, "Y");
            bench.Desire(Desired.Policies(Desired.HostDevice("edu", edu)));
            bench.StartAgent();
            await bench.UntilAsync(() => bench.Problem("edu").Reason == Risks.UnsafeInterrupts.Reason);
            Assert.Contains("the host does not remap interrupts", bench.Problem("edu").Message, StringComparison.Ordinal);
            Assert.Contains("or list UnsafeInterrupts in acceptRisks", bench.Problem("edu").Message, StringComparison.Ordinal);
            Assert.Equal("True", bench.Condition("Degraded"));
            Assert.Equal(0, bench.Host.Writer.Writes);

            bench.Desire(Desired.Policies(Desired.HostDevice("edu", edu, "acceptRisks: [UnsafeInterrupts]")));
            await bench.ReadyAsync();
            Assert.Null(node.TakeAllTheWay(edu));
            Assert.Equal([Risks.UnsafeInterrupts.Reason], bench.Accepted("edu"));

            bench.Desire(Desired.Policies(Desired.HostDevice("edu", edu)));
            await bench.UntilAsync(() => bench.Problem("edu").Message.EndsWith("and stays so", StringComparison.Ordinal));
            await bench.ReadyAsync();
            Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu"));
            bench.Desire(Desired.Nothing);
            await bench.GivenBackAsync();
        }
        finally
        {
            AllowUnsafeInterrupts(node, "N");
        }

        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    private static void AllowUnsafeInterrupts(IScenarioNode node, string value) =>
        node.Write([
            .. ((string[])["vfio_iommu_type1", "iommufd"]).Select(m =>
                ($"/sys/module/{m}/parameters/allow_unsafe_interrupts", value + "\n")
            ),
        ]);
}

public abstract class WithoutVfioScenarios : HostLacksScenarios
{
    private protected abstract IScenarioNode NewNode();

    private protected abstract void LoadVfio(IScenarioNode node);

    private protected abstract void UnloadVfio(IScenarioNode node);

    [Fact]
    public async Task Without_vfio_pci_nothing_is_unbound_and_once_it_is_loaded_everything_is_taken()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await RefusedAsync(bench, before, Reasons.DriverMissing, "needs the driver vfio-pci, which is not loaded", "modprobe vfio-pci");
        LoadVfio(node); // nobody tells the agent but the kernel
        await bench.ReadyAsync();
        Assert.Null(node.TakeAllTheWay("0000:43:00.0"));
        Assert.Null(node.TakeAllTheWay("0000:41:10.0"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        UnloadVfio(node);
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }
}

public sealed class SimulatedWithoutIommuScenarios : WithoutIommuScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode(LabMachine.WithoutIommu);
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Boot, LabFacts.NoIommu)]
public sealed class RealWithoutIommuScenarios : WithoutIommuScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}

public sealed class SimulatedWithoutInterruptRemappingScenarios : WithoutInterruptRemappingScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode(LabMachine.Description with { InterruptRemapping = false });
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Boot, LabFacts.NoIntremap)]
public sealed class RealWithoutInterruptRemappingScenarios : WithoutInterruptRemappingScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}

public sealed class SimulatedWithoutVfioScenarios : WithoutVfioScenarios
{
    private protected override IScenarioNode NewNode()
    {
        var node = new SimulatedNode();
        UnloadVfio(node);
        return node;
    }

    private protected override void LoadVfio(IScenarioNode node) =>
        ((SimulatedNode)node).Kernel.LoadDriver(LabMachine.Description.Drivers.Single(d => d.Name == "vfio-pci"));

    private protected override void UnloadVfio(IScenarioNode node) => ((SimulatedNode)node).Kernel.UnloadDriver("vfio-pci");
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Boot, LabFacts.NoVfio)]
public sealed class RealWithoutVfioScenarios : WithoutVfioScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();

    private protected override void LoadVfio(IScenarioNode node) => Command.Run("modprobe", "vfio-pci");

    private protected override void UnloadVfio(IScenarioNode node) => Command.Run("modprobe", "-r", "vfio-pci");
}
