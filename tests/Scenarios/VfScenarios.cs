using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Ready counts what is named: virtual functions that are not there, that the host's driver does not have, or that are not offered (cases
/// 10, 11 and 14).
/// </summary>
public abstract class VfScenarios
{
    private const string Pf = "/sys/bus/pci/devices/0000:41:00.0";
    private const string External = """
        policies:
        - kind: SriovPolicy
          name: vfs
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:41:00.0"]}]
            management: External
            pools: [{name: all, vfs: [{first: 0, last: 2}], resourceName: example.com/vf}]

        """;

    private const string Mixed = """
        policies:
        - kind: SriovPolicy
          name: mixed
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:41:00.0"]}]
            numVfs: 3
            pools:
            - {name: vms, vfs: [{first: 0, last: 0}], resourceName: example.com/vf}
            - {name: host, vfs: [{first: 1, last: 2}], driver: {type: Native}}

        """;

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Case_10_vfs_that_are_not_there_keep_the_policy_from_being_Ready_until_they_are_made()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, External);
        await bench.UntilAsync(() =>
            bench.Problem("vfs") == (Reasons.NoVfs, "0000:41:00.0 has 0 VFs, and pool all names 0-2: make them, or lower last")
        );
        Assert.Equal(("Progressing", 3, 0), Counts(bench, "vfs"));
        Assert.Equal("False", bench.Condition("Ready"));
        await bench.QuietAsync(); // an event tells when there are some: nothing is looked at meanwhile

        node.Write(($"{Pf}/sriov_numvfs", "2"));
        await bench.UntilAsync(() =>
            bench.Problem("vfs").Message == "0000:41:00.0 has 2 VFs, and pool all names 0-2: make them, or lower last"
            && bench.Kubelet.Allocatable("example.com/vf") == 2
            && Counts(bench, "vfs") == ("Progressing", 3, 2)
        );

        node.Write(($"{Pf}/sriov_numvfs", "0"), ($"{Pf}/sriov_numvfs", "3"));
        await bench.ReadyAsync();
        Assert.Equal(("Ready", 3, 3), Counts(bench, "vfs"));
    }

    [Fact]
    public async Task Case_11_native_pool_with_autoprobe_off_has_the_hosts_driver_and_the_setting_stays_off()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_drivers_autoprobe", "0"));
        await using var bench = await ScenarioBench.StartAsync(node, Mixed);
        await bench.ReadyAsync();
        Assert.Equal(["vfio-pci", "igbvf", "igbvf"], Drivers(bench));
        Assert.Equal("0", bench.Read($"{Pf}/sriov_drivers_autoprobe"));

        bench.Desire(Desired.Policies(Desired.Vfs(3, "0000:41:00.0"))); // all for VMs, and back
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 3);
        bench.Desire(Mixed);
        await bench.UntilAsync(() => Drivers(bench).SequenceEqual(["vfio-pci", "igbvf", "igbvf"]));
        await bench.ReadyAsync();

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(("0", "0"), (bench.Read($"{Pf}/sriov_numvfs"), bench.Read($"{Pf}/sriov_drivers_autoprobe")));
    }

    [Fact]
    public async Task Case_11_native_pool_with_autoprobe_off_whose_driver_is_not_there_is_said_with_what_to_do()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_drivers_autoprobe", "0"));
        node.UnloadDriver("igbvf");
        try
        {
            await using var bench = await ScenarioBench.StartAsync(node, Mixed);
            await bench.UntilAsync(() =>
                bench.Problems("mixed").SequenceEqual([("0000:41:10.2", Reasons.DriverMissing), ("0000:41:10.4", Reasons.DriverMissing)])
            );
            Assert.Equal(
                "0000:41:10.2 is in pool host, whose driver is the host's own (Native), and has no driver: "
                    + "sriov_drivers_autoprobe of 0000:41:00.0 is 0, which keeps drivers from it: "
                    + "write 1 to it, and 0000:41:10.2 to /sys/bus/pci/drivers_probe",
                bench.Problem("mixed").Message
            );
            Assert.Equal("Blocked", (string?)bench.Policy("mixed")!["reason"]);
            await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 1); // the others do not suffer

            node.LoadDriver("igbvf");
            node.Write(
                ($"{Pf}/sriov_drivers_autoprobe", "1"),
                ("/sys/bus/pci/drivers_probe", "0000:41:10.2"),
                ("/sys/bus/pci/drivers_probe", "0000:41:10.4")
            );
            await bench.ReadyAsync();
            Assert.Equal(["vfio-pci", "igbvf", "igbvf"], Drivers(bench));
        }
        finally
        {
            if (!Directory.Exists(node.Machine.Paths.Resolve("/sys/bus/pci/drivers/igbvf")))
                node.LoadDriver("igbvf");
        }
    }

    private static (string? Reason, int Matched, int Ready) Counts(ScenarioBench bench, string policy) =>
        bench.Policy(policy) is { } p ? ((string?)p["reason"], (int)p["matched"]!, (int)p["ready"]!) : default;

    private static IEnumerable<string?> Drivers(ScenarioBench bench) =>
        new[] { "0000:41:10.0", "0000:41:10.2", "0000:41:10.4" }.Select(bench.Driver);
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedVfScenarios : VfScenarios
{
    private const string Pf = "0000:81:00.0";

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Theory]
    [InlineData(4, 7)] // QAT
    [InlineData(6, 4)] // bnxt_en
    public async Task Case_09_driver_makes_another_number_is_asked_once_also_after_a_restart_and_what_it_made_is_offered(
        int asked,
        int made
    )
    {
        var node = new SimulatedNode();
        node.Kernel.Faults.MakeOtherVfs(Pf, _ => made);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(asked)));
        await bench.UntilAsync(() =>
            bench.Problem("vfs").Reason == Reasons.OtherVfNumber && bench.Kubelet.Allocatable("example.com/vf") == Math.Min(asked, made)
        );
        Assert.Equal(
            $"{Pf}: {asked} VFs were asked for and its driver made {made}: set numVfs to {made}, or see dmesg for its limit",
            bench.Problem("vfs").Message
        );
        Assert.Equal(("Blocked", "False"), ((string?)bench.Policy("vfs")!["reason"], bench.Condition("Ready")));

        await Task.Delay(TimeSpan.FromSeconds(7), TestContext.Current.CancellationToken); // it was every 5 s
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Host.Agent.Reconciles > 0 && bench.Problem("vfs").Reason == Reasons.OtherVfNumber);
        await bench.QuietAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal([$"{asked}"], NumVfsWritten(node));
        Assert.Equal(
            ("1", $"{made}"),
            (bench.Read($"/sys/bus/pci/devices/{Pf}/sriov_drivers_autoprobe"), bench.Read($"/sys/bus/pci/devices/{Pf}/sriov_numvfs"))
        );

        bench.Desire(Desired.Policies(Desired.Vfs(made))); // as the message says
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == made);
        Assert.Equal([$"{asked}"], NumVfsWritten(node));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal("0", bench.Read($"/sys/bus/pci/devices/{Pf}/sriov_numvfs"));
    }

    [Fact]
    public async Task A_port_with_too_few_bus_numbers_is_told_before_anything_is_written()
    {
        var node = new SimulatedNode(
            LabMachine
                .Description.With(Pf, f => f with { Sriov = f.Sriov! with { Offset = 252 } })
                .With("0000:80:00.0", f => f with { SubordinateBus = 0x81 })
        );
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(4)));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.NoBusNumbers);
        Assert.Equal(
            $"{Pf} asks for 4 VFs, the last of which would lie on bus 82, and the port above it (0000:80:00.0) has bus numbers up to 81: "
                + "set numVfs to at most 2, or switch on ARI in the firmware (and remove pci=noari), boot with pci=assign-busses, or give "
                + "the slot more bus numbers in the firmware",
            bench.Problem("vfs").Message
        );
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Desired.Policies(Desired.Vfs(2))); // as the message says
        await bench.ReadyAsync();
        Assert.Equal(["2"], NumVfsWritten(node));
    }

    [Fact]
    public async Task What_the_kernel_alone_knows_of_memory_space_is_said_when_it_has_refused_and_the_host_is_as_before()
    {
        var node = new SimulatedNode(LabMachine.Description.With(Pf, f => f with { Sriov = f.Sriov! with { HasNoMmioSpace = true } }));
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.NoMmioSpace);
        Assert.Equal(
            $"writing \"2\" to /sys/bus/pci/devices/{Pf}/sriov_numvfs failed: ENOMEM: the firmware left too little memory space for the "
                + "VFs' BARs: switch on Above 4G decoding and SR-IOV in the firmware, or boot with pci=realloc; "
                + $"the kernel says: \"igb {Pf}: not enough MMIO resources for SR-IOV\"",
            bench.Problem("vfs").Message
        );
        Assert.Equal("Blocked", (string?)bench.Policy("vfs")!["reason"]);
        await bench.UntilAsync(() => bench.Read($"/sys/bus/pci/devices/{Pf}/sriov_drivers_autoprobe") == "1");
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task VFs_that_another_tool_has_made_in_place_of_ours_are_left_and_said()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        await bench.StopAgentAsync();
        node.Write(($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "0"), ($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "5"));
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.ForeignVfs);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal("5", bench.Read($"/sys/bus/pci/devices/{Pf}/sriov_numvfs"));
    }

    /// <summary>
    /// A card resets under a pod: both VFs come back, and neither is offered until the pod is gone, each for its own reason.
    /// </summary>
    [Fact]
    public async Task Case_14_unready_vf_not_said_every_VF_that_is_not_offered_has_its_reason()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        await bench.Kubelet.AdmitPodAsync("vms", "vm", new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/vf"] = 1 });
        var holder = await node.HoldAsync("0000:81:10.0");
        node.Kernel.Unplug(Pf);
        await bench.UntilAsync(() => (string?)bench.Policy("vfs")?["reason"] != "Ready");
        holder.Dispose();
        await bench.UntilAsync(() => node.Kernel.GroupOf(Pf) is null && (string?)bench.Policy("vfs")?["reason"] == "NoMatch");
        node.Kernel.Plug(Pf);

        await bench.UntilAsync(() => bench.Driver("0000:81:10.2") == "vfio-pci" && bench.Problems("vfs").Count == 2);
        Assert.Equal(["0000:81:10.0", "0000:81:10.2"], bench.Problems("vfs").Select(p => p.Device).Order(StringComparer.Ordinal));
        Assert.Contains(("0000:81:10.2", Reasons.NodeAnswered), bench.Problems("vfs"));
        Assert.Equal("Progressing", (string?)bench.Policy("vfs")!["reason"]);

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
    }

    private static IEnumerable<string> NumVfsWritten(SimulatedNode node) =>
        node.Kernel.Writes.All.Where(w => w.Path.EndsWith($"{Pf}/sriov_numvfs", StringComparison.Ordinal)).Select(w => w.Value.Trim());
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // numbers and drivers are the same whatever vfio offers
public sealed class RealVfScenarios : VfScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
