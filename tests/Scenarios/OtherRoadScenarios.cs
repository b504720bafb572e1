using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Usage;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Hardware that the lab's QEMU has not: adapters and serial ports that the host needs by a road which no path shows, and cards whose slot
/// isolates nothing.
/// </summary>
public sealed class OtherRoadScenarios
{
    private const string FcAddress =
        "traddr=nn-0x5006016000000001:pn-0x5006016100000001,host_traddr=nn-0x200000109b000001:pn-" + RoadMachine.PortName;

    [Fact]
    public async Task Case_06_nvme_over_fc_root_stays_with_the_host_until_its_disk_is_let_go()
    {
        var node = new SimulatedNode(RoadMachine.Description);
        var disk = node.Kernel.Fabrics.Connect("fc", FcAddress);
        node.Kernel.Storage.MountDisk(disk, "/data");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("hba", RoadMachine.Hba)));
        await bench.UntilAsync(() => bench.Problem("hba").Reason == Reasons.Protected);
        var road = $"{RoadMachine.Hba} (FC port {RoadMachine.PortName})";
        Assert.Equal(
            $"{RoadMachine.Hba} is in use: {disk} is mounted at /data, which comes over {road}: the host needs it; "
                + "free it, or list Storage in allowProtected together with the address",
            bench.Problem("hba").Message
        );
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal("lpfc", bench.Driver(RoadMachine.Hba));

        node.Unmount("/data");
        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(RoadMachine.Hba));
    }

    [Fact]
    public async Task A_disk_that_is_busy_without_a_name_keeps_the_adapter_that_it_comes_over()
    {
        var node = new SimulatedNode(RoadMachine.Description);
        var disk = node.Kernel.Fabrics.Connect("fc", FcAddress);
        node.Kernel.Storage.Claim(disk);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("hba", RoadMachine.Hba)));
        await bench.UntilAsync(() => bench.Problem("hba").Reason == Reasons.InUse);
        Assert.Contains(
            $"{disk} is claimed in the kernel by somebody it does not name",
            bench.Problem("hba").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(0, bench.Host.Writer.Writes);

        node.Kernel.Storage.Unclaim(disk);
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(RoadMachine.Hba));
    }

    [Fact]
    public async Task Case_07_kernel_console_on_pci_uart_stays_with_the_host_unless_the_admin_names_it()
    {
        var node = new SimulatedNode(RoadMachine.Description);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("serial", RoadMachine.Serial)));
        await bench.UntilAsync(() => bench.Problem("serial").Reason == Reasons.Protected);
        Assert.Equal(
            $"{RoadMachine.Serial} is in use: the kernel's console ttyS4 is on it: the host needs it; "
                + "free it, or list Console in allowProtected together with the address",
            bench.Problem("serial").Message
        );
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Desired.Policies(Desired.HostDevice("serial", RoadMachine.Serial, "allowProtected: [Console]")));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(RoadMachine.Serial));
    }

    [Fact]
    public async Task A_balloon_is_waited_for_and_taken_when_no_driver_has_it_any_more()
    {
        const string balloon = "0000:c0:05.0";
        var node = new SimulatedNode(RoadMachine.With(RoadMachine.Virtio(balloon, 5, "virtio_balloon")));
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("balloon", balloon)));
        await bench.UntilAsync(() => bench.Problem("balloon").Reason == Reasons.InUse);
        Assert.Contains("it is a memory balloon (virtio", bench.Problem("balloon").Message, StringComparison.Ordinal);
        Assert.Equal(0, bench.Host.Writer.Writes);

        node.Write(("/sys/bus/pci/drivers/virtio-pci/unbind", balloon));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(balloon));
    }

    [Fact]
    public async Task VFs_that_could_never_be_passed_are_not_made()
    {
        const string pf = "0000:c1:00.0";
        var igb = Hardware.Igb(pf, 0xd0000000, 0x9000, 0xd1000000, "52:54:00:00:00:99");
        var port = Hardware.RootPort("0000:c0:00.0", 0xd2000000, [igb], acs: false);
        await using var bench = await ScenarioBench.StartAsync(
            new SimulatedNode(RoadMachine.With(port)),
            Desired.Policies(Desired.Vfs(2, pf))
        );
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.VfsNotIsolated);
        Assert.Equal(
            $"{pf} is in one IOMMU group with the port above it (0000:c0:00.0), "
                + "and so would be its VFs, none of which could be passed: none is made; enable ACS in firmware, or use another slot",
            bench.Problem("vfs").Message
        );
        Assert.Equal("0", bench.Read($"/sys/bus/pci/devices/{pf}/sriov_numvfs"));
        Assert.Equal(0, bench.Host.Writer.Writes);
    }
}
