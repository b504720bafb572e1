using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
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

    /// <summary>
    /// vfio-pci lets its devices sleep when it gets them: what is wanted otherwise is written then, and is back before it goes.
    /// </summary>
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
            $"writing \"4\" to {SecondVf}/sriov_vf_msix_count failed: EOPNOTSUPP: its driver has no such setting: remove it from "
                + "attributes, or use another driver",
            bench.Problem("vfs").Message
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 1);
        Assert.Equal(("vfio-pci", null), (bench.Driver("0000:41:10.0"), bench.Driver("0000:41:10.2")));
        Assert.Equal("(null)", bench.Read($"{SecondVf}/driver_override")); // nor was it for a moment

        bench.Desire(With(2)); // as the message says
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        Assert.Equal("vfio-pci", bench.Driver("0000:41:10.2"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_virtual_function_in_service_stays_so_when_what_is_asked_of_it_is_refused()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, With(2));
        await bench.ReadyAsync();
        bench.Desire(With(2, "{file: sriov_vf_msix_count, value: \"4\", vfs: [{first: 1, last: 1}]}"));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.StepFailed);
        await bench.UntilAsync(() => bench.Driver("0000:41:10.2") == "vfio-pci" && bench.Kubelet.Allocatable("example.com/vf") == 2);
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

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedAttributeScenarios : AttributeScenarios
{
    private const string Admin = Pf + "/sriov_admin";

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task A_card_is_divided_before_its_virtual_functions_are_made_and_a_number_that_its_driver_rounds_is_asked_once()
    {
        var node = Xe();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(
                3,
                "{file: sriov_admin/.bulk_profile/exec_quantum_ms, value: \"20\", when: BeforeVfs}",
                "{file: sriov_admin/vfN/profile/vram_quota, value: \"1073741825\", vfs: [{first: 0, last: 1}], when: BeforeVfs}",
                "{file: sriov_admin/pf/profile/sched_priority, value: high}",
                "{file: sriov_admin/vfN/profile/exec_quantum_ms, value: \"40\", vfs: [{first: 2, last: 2}]}",
                "{file: sriov_vf_msix_count, value: \"8\", vfs: [{first: 0, last: 2}]}"
            )
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 3);
        Assert.Equal(
            [
                ".bulk_profile/exec_quantum_ms=20",
                "vf1/profile/vram_quota=1073741825",
                "vf2/profile/vram_quota=1073741825",
                "sriov_numvfs=3",
                "pf/profile/sched_priority=high",
                "vf3/profile/exec_quantum_ms=40",
                "sriov_vf_msix_count=8",
                "sriov_vf_msix_count=8",
                "sriov_vf_msix_count=8",
            ],
            Settings(node)
        );
        Assert.Equal(
            ("1073741824", "low normal [high]", "20", "40"),
            (
                bench.Read($"{Admin}/vf1/profile/vram_quota"),
                bench.Read($"{Admin}/pf/profile/sched_priority"),
                bench.Read($"{Admin}/vf2/profile/exec_quantum_ms"),
                bench.Read($"{Admin}/vf3/profile/exec_quantum_ms")
            )
        );
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Host.Agent.Reconciles > 0 && bench.Condition("Ready") == "True");
        await bench.QuietAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(
            ("0", "[low] normal high", "20"),
            (
                bench.Read($"{Admin}/vf1/profile/vram_quota"),
                bench.Read($"{Admin}/pf/profile/sched_priority"),
                bench.Read($"{Admin}/vf3/profile/exec_quantum_ms") // what the bulk file has made of it cannot be read beforehand
            )
        );
    }

    [Fact]
    public async Task What_can_only_be_written_is_written_again_for_virtual_functions_that_are_made_anew()
    {
        var node = Xe();
        string[] attributes =
        [
            "{file: sriov_admin/.bulk_profile/exec_quantum_ms, value: \"20\"}",
            "{file: sriov_vf_msix_count, value: \"8\", vfs: [{first: 0, last: 0}]}",
        ];
        await using var bench = await ScenarioBench.StartAsync(node, With(1, attributes));
        await bench.ReadyAsync();
        bench.Desire(With(2, attributes));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        string[] once = [".bulk_profile/exec_quantum_ms=20", "sriov_vf_msix_count=8"];
        Assert.Equal(["sriov_numvfs=1", .. once, "sriov_numvfs=0", "sriov_numvfs=2", .. once], Settings(node));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_virtual_function_that_has_its_driver_is_taken_from_it_for_its_vectors_when_nobody_has_it()
    {
        var node = Xe();
        await using var bench = await ScenarioBench.StartAsync(node, With(2));
        await bench.ReadyAsync();
        using (var holder = await node.HoldAsync("0000:41:10.0"))
        {
            bench.Desire(With(2, "{file: sriov_vf_msix_count, value: \"8\", vfs: [{first: 0, last: 1}]}"));
            await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.InUse);
            Assert.StartsWith(
                $"{FirstVf}/sriov_vf_msix_count is set to \"8\" as soon as 0000:41:10.0 is let go, because it must have no driver "
                    + "for it; in use: /dev/vfio/",
                bench.Problem("vfs").Message,
                StringComparison.Ordinal
            );
            Assert.Equal(["sriov_numvfs=2", "sriov_vf_msix_count=8"], Settings(node)); // the other one does not wait for it
            Assert.Equal(0, holder.Requests);
        }

        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        Assert.Equal(["sriov_numvfs=2", "sriov_vf_msix_count=8", "sriov_vf_msix_count=8"], Settings(node));
        Assert.Equal("vfio-pci", bench.Driver("0000:41:10.0"));
    }

    [Theory]
    [InlineData("EINVAL", "EINVAL: its driver does not take this value: write one that the guide or the driver's documentation has for it")]
    [InlineData(
        "EPERM",
        "EPERM: the hardware or its firmware does not let it be changed: remove it from attributes, or update the firmware"
    )]
    [InlineData("EIO", "EIO: the card's firmware refused it: try a smaller value, and look at dmesg")]
    public async Task What_the_driver_refuses_is_said_with_file_value_errno_and_what_to_do_and_tried_again(string error, string words)
    {
        var node = Xe();
        node.Kernel.Faults.FailWrite(1, Error(error), "pf/profile/exec_quantum_ms");
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(1, "{file: sriov_admin/pf/profile/exec_quantum_ms, value: \"20\", when: BeforeVfs}")
        );
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.StepFailed);
        Assert.Equal($"writing \"20\" to {Admin}/pf/profile/exec_quantum_ms failed: {words}", bench.Problem("vfs").Message);
        Assert.Equal("0", bench.Read($"{Pf}/sriov_numvfs"));
        await bench.ReadyAsync();
        Assert.Equal("20", bench.Read($"{Admin}/pf/profile/exec_quantum_ms"));
    }

    [Theory]
    [InlineData("EUCLEAN", "cannot be read: EUCLEAN: the parts of the card (its tiles) have different values: write one to it by hand")]
    [InlineData("EIO", "cannot be read: EIO: the card's firmware does not answer; look at dmesg, reset the card or reboot")]
    public async Task What_cannot_be_read_is_not_written_and_said(string error, string words)
    {
        var node = Xe();
        node.Kernel.Faults.FailReads("pf/profile/exec_quantum_ms", Error(error));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(1, "{file: sriov_admin/pf/profile/exec_quantum_ms, value: \"20\"}")
        );
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.AttributeUnusable);
        Assert.Equal($"{Admin}/pf/profile/exec_quantum_ms cannot be set to \"20\": it {words}", bench.Problem("vfs").Message);
        Assert.Equal(("1", "0"), (bench.Read($"{Pf}/sriov_numvfs"), bench.Read($"{Admin}/pf/profile/exec_quantum_ms")));
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/vf"));

        node.Kernel.Faults.FailReads("pf/profile/exec_quantum_ms", null);
        bench.Host.Agent.Wake(); // it is looked at every minute
        await bench.ReadyAsync();
        Assert.Equal("20", bench.Read($"{Admin}/pf/profile/exec_quantum_ms"));
    }

    [Fact]
    public async Task What_another_hand_has_made_of_a_file_stays_when_the_policy_is_gone()
    {
        var node = Xe();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(
                1,
                "{file: sriov_admin/pf/profile/exec_quantum_ms, value: \"20\"}",
                "{file: sriov_admin/pf/profile/preempt_timeout_us, value: \"500\"}"
            )
        );
        await bench.ReadyAsync();
        await bench.StopAgentAsync();
        node.Write(($"{Admin}/pf/profile/exec_quantum_ms", "30"));
        bench.Desire(Desired.Nothing);
        bench.StartAgent();
        await bench.GivenBackAsync();
        Assert.Equal(
            ("30", "0"),
            (bench.Read($"{Admin}/pf/profile/exec_quantum_ms"), bench.Read($"{Admin}/pf/profile/preempt_timeout_us"))
        );
    }

    [Fact]
    public async Task A_file_that_is_read_only_here_is_said_and_what_comes_after_it_waits()
    {
        var node = Xe();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(
                1,
                "{file: sriov_admin/pf/profile/exec_quantum_ms, value: \"10\"}",
                "{file: sriov_admin/vfN/profile/sched_priority, value: normal, vfs: [{first: 0, last: 0}]}",
                "{file: sriov_admin/pf/profile/preempt_timeout_us, value: \"500\"}"
            )
        );
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.AttributeUnusable);
        Assert.Equal(
            $"{Admin}/vf1/profile/sched_priority cannot be set to \"normal\": it is read-only: its driver does not let it be changed here; "
                + "remove it from attributes",
            bench.Problem("vfs").Message
        );
        await bench.UntilAsync(() => bench.Read($"{Admin}/pf/profile/exec_quantum_ms") == "10");
        await bench.QuietAsync();
        Assert.Equal("0", bench.Read($"{Admin}/pf/profile/preempt_timeout_us"));
    }

    [Fact]
    public async Task A_write_that_hangs_is_given_up_and_said_and_holds_up_no_other_card()
    {
        var node = Xe();
        var hung = node.Kernel.Faults.HangWrite(1, "pf/profile/exec_quantum_ms");
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.Vfs(1, Address, "attributes: [{file: sriov_admin/pf/profile/exec_quantum_ms, value: \"20\", when: BeforeVfs}]"),
                Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings")
            )
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/gpu") == 1);
        Assert.True(hung.IsHanging);
        hung.Release();
        await bench.ReadyAsync();
        Assert.Equal("20", bench.Read($"{Admin}/pf/profile/exec_quantum_ms"));
    }

    [Fact]
    public async Task A_reboot_sets_again_what_was_set_also_while_nobody_says_what_is_wanted()
    {
        var node = Xe();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            With(1, "{file: sriov_admin/pf/profile/sched_priority, value: high, when: BeforeVfs}")
        );
        await bench.ReadyAsync();
        await bench.StopAgentAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 0); // what it knew of before the boot
        node.Reboot(bench.StateDirectory);
        Assert.Equal("[low] normal high", bench.Read($"{Admin}/pf/profile/sched_priority"));
        File.Delete(bench.DesiredFile);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 1);
        Assert.Equal("low normal [high]", bench.Read($"{Admin}/pf/profile/sched_priority"));
    }

    /// <summary>A card whose driver has <c>sriov_admin</c> and divides interrupt vectors.</summary>
    private static SimulatedNode Xe() =>
        new(ChangedMachine.Of(Address, f => f with { Sriov = f.Sriov! with { HasAdmin = true, VfVectors = 32 } }));

    private static Errno Error(string name) => (Errno)typeof(Errno).GetField(name)!.GetValue(null)!;

    /// <summary>What was written to settings and to the number, in order, without directories of functions.</summary>
    private static IEnumerable<string> Settings(SimulatedNode node) =>
        node
            .Kernel.Writes.All.Where(w => w.Path.Contains("sriov_", StringComparison.Ordinal))
            .Where(w => !w.Path.EndsWith("autoprobe", StringComparison.Ordinal))
            .Select(w => $"{w.Path[(w.Path.LastIndexOf("0000:", StringComparison.Ordinal) + 13)..]}={w.Value}")
            .Select(w => w.Replace("sriov_admin/", "", StringComparison.Ordinal));
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // files of functions are the same whatever vfio offers
public sealed class RealAttributeScenarios : AttributeScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
