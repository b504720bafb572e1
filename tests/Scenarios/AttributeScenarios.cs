using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Files of physical and virtual functions that a policy has written, in order.</summary>
public abstract class AttributeScenarios
{
    private protected const string Address = "0000:41:00.0";
    private protected const string Pf = "/sys/bus/pci/devices/0000:41:00.0";
    private protected const string FirstVf = "/sys/bus/pci/devices/0000:41:10.0";
    private protected const string SecondVf = "/sys/bus/pci/devices/0000:41:10.2";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Files_are_set_before_and_after_virtual_functions_are_made_and_are_as_they_were_when_the_policy_is_gone()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(
                2,
                "{file: d3cold_allowed, value: \"0\", when: BeforeVfs}",
                "{file: power/control, value: auto}",
                "{file: d3cold_allowed, value: \"1\", vfs: [{first: 1, last: 1}]}"
            )
        );
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        Assert.Equal(("0", "auto"), (bench.Read($"{Pf}/d3cold_allowed"), bench.Read($"{Pf}/power/control")));
        Assert.Equal(("0", "1"), (bench.Read($"{FirstVf}/d3cold_allowed"), bench.Read($"{SecondVf}/d3cold_allowed")));

        // Nothing is done again by whoever comes after, and nothing while nothing changes.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Host.Agent.Reconciles > 0 && bench.Condition("Ready") == "True");
        await bench.QuietAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(("1", "on"), (bench.Read($"{Pf}/d3cold_allowed"), bench.Read($"{Pf}/power/control")));
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    /// <summary>vfio-pci lets its devices sleep when it gets them: what is wanted otherwise is written then, and is back before it goes.</summary>
    [Fact]
    public async Task A_virtual_function_that_another_made_is_kept_awake_on_its_vfio_driver_and_is_as_it_was_with_its_own()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_numvfs", "1"));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            """
            policies:
            - kind: SriovPolicy
              name: vfs
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["0000:41:00.0"]}]
                management: External
                attributes: [{file: power/control, value: "on", vfs: [{first: 0, last: 5}]}]
                pools: [{name: all, vfs: [{first: 0, last: 0}], resourceName: example.com/vf}]

            """
        );
        await bench.UntilAsync(() => bench.Driver("0000:41:10.0") == "vfio-pci" && bench.Read($"{FirstVf}/power/control") == "on");
        await bench.ReadyAsync();
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(("igbvf", "on"), (bench.Driver("0000:41:10.0"), bench.Read($"{FirstVf}/power/control")));
        Assert.Equal("1", bench.Read($"{Pf}/sriov_numvfs"));
    }

    [Fact]
    public async Task What_another_hand_changes_is_put_back_and_left_and_said_when_it_does_so_again_and_again()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, With(1, "{file: power/control, value: auto, when: BeforeVfs}"));
        await bench.ReadyAsync();
        node.Write(($"{Pf}/power/control", "on"));
        bench.Host.Agent.Wake(); // no event tells
        await bench.UntilAsync(() => bench.Read($"{Pf}/power/control") == "auto");
        using (node.EverySecond(($"{Pf}/power/control", "on")))
        {
            await bench.UntilAsync(() =>
            {
                bench.Host.Agent.Wake();
                return bench.Problem("vfs").Reason == Reasons.Contested;
            });
        }

        Assert.StartsWith(
            "something else on this host changed power/control of 0000:41:00.0 from auto again and again: it was put back 3 times",
            bench.Problem("vfs").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/vf"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal("on", bench.Read($"{Pf}/power/control")); // another hand's by now
    }

    [Fact]
    public async Task A_driver_that_divides_no_interrupt_vectors_is_said_and_the_virtual_function_is_not_offered_without_them()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(2, "{file: sriov_vf_msix_count, value: \"4\", vfs: [{first: 1, last: 1}]}")
        );
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.StepFailed);
        Assert.Equal(
            $"writing \"4\" to {SecondVf}/sriov_vf_msix_count failed: EOPNOTSUPP: its driver has no such setting: remove it from attributes, "
                + "or use another driver",
            bench.Problem("vfs").Message
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 1);
        Assert.Equal(("vfio-pci", null), (bench.Driver("0000:41:10.0"), bench.Driver("0000:41:10.2")));

        bench.Desire(With(2)); // as the message says
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        Assert.Equal("vfio-pci", bench.Driver("0000:41:10.2"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_file_that_the_driver_does_not_have_is_said_and_no_virtual_function_is_made_without_it()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(2, "{file: sriov_admin/pf/profile/sched_priority, value: high, when: BeforeVfs}")
        );
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.AttributeUnusable);
        Assert.Equal(
            $"{Pf}/sriov_admin/pf/profile/sched_priority cannot be set to \"high\": it is not there (ENOENT): the device's driver, or this "
                + "kernel, has no such file",
            bench.Problem("vfs").Message
        );
        await bench.QuietAsync();
        Assert.Equal((0L, "0"), (bench.Host.Writer.Writes, bench.Read($"{Pf}/sriov_numvfs")));
    }

    private protected static string With(int numVfs, params string[] attributes) =>
        Desired.Policies(Desired.Vfs(numVfs, Address, $"attributes: [{string.Join(", ", attributes)}]"));
}

public sealed class SimulatedAttributeScenarios : AttributeScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // files of functions are the same whatever vfio offers
public sealed class RealAttributeScenarios : AttributeScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
