using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What else is in a device's IOMMU group. The lab's chipset has a group like those of the reports: ISA bridge (1f.0, nobody's), disk
/// controller (1f.2) and SMBus (1f.3), none of them with a driver.
/// </summary>
public abstract class GroupScenarios
{
    private const string Isa = "0000:00:1f.0";
    private protected const string Sata = "0000:00:1f.2";
    private const string SmBus = "0000:00:1f.3";
    private const string Hold = ", groupPolicy: HoldSiblings";

    /// <summary>The kernel knows no way to reset functions of the chipset.</summary>
    private const string AcceptsNoReset = "acceptRisks: [NoReset]";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Case_02_lpc_smbus_group_leaves_the_machine_s_own_functions_alone_and_works()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("sata", Sata, AcceptsNoReset, Hold))
        );
        await bench.ReadyAsync();

        Assert.Equal((null, "vfio-pci", null), (bench.Driver(Isa), bench.Driver(Sata), bench.Driver(SmBus)));
        Assert.Equal([Sata], bench.Kubelet.Devices("example.com/sata").Select(d => d.Id));
        Assert.Null(node.TakeAllTheWay(Sata));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task Case_02_lpc_smbus_group_protects_the_SMBus_until_it_is_overridden_by_name()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("smbus", SmBus, pci: Hold)));
        await bench.UntilAsync(() => bench.Problem("smbus").Reason == Reasons.Protected);
        Assert.Equal(
            "0000:00:1f.3 is a part of the machine itself (SMBus, no driver): the host needs it; list System in allowProtected together "
                + "with the address to take it all the same",
            bench.Problem("smbus").Message
        );
        Assert.Equal((0L, "(null)"), (bench.Host.Writer.Writes, bench.Read($"/sys/bus/pci/devices/{SmBus}/driver_override")));

        bench.Desire(Desired.Policies(Desired.HostDevice("smbus", SmBus, "allowProtected: [System]", Hold)));
        await bench.UntilAsync(() => bench.Problem("smbus").Reason == Risks.NoReset.Reason);
        Assert.Equal(0L, bench.Host.Writer.Writes);
        bench.Desire(Desired.Policies(Desired.HostDevice("smbus", SmBus, "allowProtected: [System]\n    " + AcceptsNoReset, Hold)));
        await bench.ReadyAsync();
        Assert.Equal((null, "vfio-pci"), (bench.Driver(Isa), bench.Driver(SmBus)));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal((null, null), (bench.Driver(Sata), bench.Driver(SmBus)));
    }

    [Fact]
    public async Task What_an_earlier_version_has_taken_of_the_machine_stays_in_force_with_its_ID_and_is_said()
    {
        var node = NewNode();
        string[] functions = [Isa, Sata, SmBus];
        foreach (var function in functions)
            node.Write(($"/sys/bus/pci/devices/{function}/driver_override", "vfio-pci"), ("/sys/bus/pci/drivers_probe", function));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("sata", Sata, pci: Hold)),
            start: false
        );
        Directory.CreateDirectory(bench.StateDirectory);
        await File.WriteAllLinesAsync(
            Path.Combine(bench.StateDirectory, "journal.jsonl"),
            [
                $$"""{"op":"Open","format":1,"bootId":"{{bench.Read("/proc/sys/kernel/random/boot_id")}}"}""",
                .. functions.Select(f => $$"""{"op":"RecordFunction","address":"{{f}}","policy":"hostdevice/sata"}"""),
            ],
            TestContext.Current.CancellationToken
        );

        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.Equal([Isa], bench.Kubelet.Devices("example.com/sata").Select(d => d.Id));
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal([(Isa, Reasons.Protected), (Sata, Risks.NoReset.Reason), (SmBus, Reasons.Protected)], bench.Problems("sata"));
        Assert.Null(node.TakeAllTheWay(Sata));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal((null, null, null), (bench.Driver(Isa), bench.Driver(Sata), bench.Driver(SmBus)));
    }
}

public sealed class SimulatedGroupScenarios : GroupScenarios
{
    private const string Vmd = "0000:17:05.5";
    private const string Disk = "10000:01:00.0";
    private const string Nic = "0000:86:00.0";

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    /// <summary>The lab with a controller that hides a disk in a domain of its own.</summary>
    private static MachineDescription WithVmd =>
        LabMachine.Description with
        {
            RootBuses = LabMachine.Description.RootBuses.Add(
                new RootBusDescription(
                    "0000:17",
                    [
                        Hardware.Function(Vmd, "8086", "201d", 0x010400) with
                        {
                            HostDriver = "vmd",
                            ResetMethods = "pm",
                            Domain = "10000:00",
                            Behind = [Hardware.Nvme(Disk, 0xc0000000, "BEHINDVMD", "nqn.2019-08.org.qemu:behindvmd")],
                        },
                    ]
                )
            ),
            Drivers = LabMachine.Description.Drivers.Add(new PciDriverDescription("vmd")),
        };

    [Fact]
    public async Task Case_03_vmd_child_is_blocked_before_the_first_write_and_stays_so()
    {
        var node = new SimulatedNode(WithVmd);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("p4510", Disk, pci: ", groupPolicy: HoldSiblings"))
        );
        await bench.UntilAsync(() => bench.Problem("p4510").Reason == Reasons.Ancestor);
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken); // in which it was taken and given back four times

        Assert.StartsWith("10000:01:00.0 lives behind 0000:17:05.5 (vmd), which", bench.Problem("p4510").Message, StringComparison.Ordinal);
        Assert.Equal((0L, "nvme", "vmd", 1), (bench.Host.Writer.Writes, bench.Driver(Disk), bench.Driver(Vmd), node.Kernel.BindCount(Vmd)));
    }

    [Fact]
    public async Task Case_03_vmd_child_goes_with_its_controller_and_comes_back_with_it()
    {
        var node = new SimulatedNode(WithVmd);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("vmd", Vmd)));
        await bench.ReadyAsync();
        Assert.Equal(("vfio-pci", null), (bench.Driver(Vmd), bench.Driver(Disk)));
        Assert.Null(node.TakeAllTheWay(Vmd));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(("vmd", "nvme"), (bench.Driver(Vmd), bench.Driver(Disk)));
    }

    [Fact]
    public async Task Case_03_vmd_child_that_is_mounted_keeps_its_controller()
    {
        var node = new SimulatedNode(WithVmd);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("vmd", Vmd)), start: false);
        using var mounted = ((IScenarioNode)node).MountDisk(Disk, "/data");
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problem("vmd").Reason == Reasons.Protected);
        Assert.Equal((0L, "nvme"), (bench.Host.Writer.Writes, bench.Driver(Disk)));
    }

    [Theory]
    [InlineData("direct", "NotEligible")]
    [InlineData("direct-relaxable", "")]
    public async Task Case_04_rmrr_direct_takes_nothing_from_the_host(string type, string reason)
    {
        var node = new SimulatedNode(
            ChangedMachine.Of(Nic, f => f with { ReservedRegions = [$"0x000000007f7e4000 0x000000007f7ecfff {type}"] })
        );
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        if (reason.Length == 0)
        {
            await bench.ReadyAsync();
            Assert.Null(node.TakeAllTheWay(Nic));
            return;
        }

        await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.Of(reason));
        Assert.Equal((0L, "e1000e"), (bench.Host.Writer.Writes, bench.Driver(Nic)));
    }

    [Fact]
    public async Task Case_05_platform_device_in_group_takes_nothing_from_the_host()
    {
        var node = new SimulatedNode(ChangedMachine.Of(Nic, f => f with { PlatformSiblings = [("fe2a0000.ethernet", "rk_gmac-dwmac")] }));
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.GroupNotViable);
        Assert.Equal((0L, "e1000e"), (bench.Host.Writer.Writes, bench.Driver(Nic)));
    }

    [Fact]
    public async Task What_was_in_force_before_its_group_was_looked_at_is_offered_on_after_the_upgrade()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.ReadyAsync();
        await bench.StopAgentAsync();
        var regions = node.Kernel.Paths.Resolve($"/sys/kernel/iommu_groups/{node.Kernel.GroupOf(Nic)}/reserved_regions");
        await File.WriteAllTextAsync(regions, "0x000000007f7e4000 0x000000007f7ecfff direct\n", TestContext.Current.CancellationToken);

        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problems("nic").Count == 1 && bench.Condition("Ready") == "True");
        Assert.Equal([(Nic, Reasons.NotEligible)], bench.Problems("nic"));
        Assert.Equal((0L, 1), (bench.Host.Writer.Writes, bench.Kubelet.Allocatable("example.com/nic")));
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // groups are the same whatever vfio offers
public sealed class RealGroupScenarios : GroupScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
