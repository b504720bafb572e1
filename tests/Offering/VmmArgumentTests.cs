using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>Arguments for VMMs that a pod starts itself.</summary>
public sealed partial class VmmArgumentTests
{
    private const string L40S = "10de:26b9";
    private const string Qemu = "HOSTDEV_EXAMPLE_COM_GPU_QEMU_ARGS";
    private const string CloudHypervisor = "HOSTDEV_EXAMPLE_COM_GPU_CLOUD_HYPERVISOR_ARGS";
    private const string Platform = "HOSTDEV_EXAMPLE_COM_GPU_CLOUD_HYPERVISOR_PLATFORM";
    private static readonly ResourceName Gpu = ResourceName.Parse("example.com/gpu");

    [Fact]
    public void Without_a_wish_nothing_is_told() =>
        Assert.Equal(
            ["HOSTDEV_EXAMPLE_COM_GPU_INFO", "PCI_RESOURCE_EXAMPLE_COM_GPU"],
            Answer(new Machine(), [], Group(12, cdevs: false, "0000:43:00.0")).Envs.Keys
        );

    [Fact]
    public void A_card_of_two_functions_is_one_card_of_the_guest()
    {
        var answer = Answer(new Machine(), [Vmm.Qemu, Vmm.CloudHypervisor], Group(12, cdevs: false, "0000:43:00.0", "0000:43:00.1"));

        Assert.Equal(
            "-device pcie-root-port,id=port-0000-43-00.0,bus=pcie.0,chassis=128,slot=2144 "
                + "-device vfio-pci,host=0000:43:00.0,bus=port-0000-43-00.0,addr=00.0,multifunction=on "
                + "-device vfio-pci,host=0000:43:00.1,bus=port-0000-43-00.0,addr=00.1",
            answer.Envs[Qemu]
        );
        Assert.Equal(
            "--device path=/sys/bus/pci/devices/0000:43:00.0/ path=/sys/bus/pci/devices/0000:43:00.1/",
            answer.Envs[CloudHypervisor]
        );
        Assert.DoesNotContain(Platform, answer.Envs.Keys);
        Assert.DoesNotContain("/dev/iommu", answer.Nodes.Select(n => n.Path));
    }

    [Fact]
    public void A_card_whose_first_function_stays_behind_begins_at_0_all_the_same() =>
        Assert.EndsWith(
            "-device vfio-pci,host=0000:43:00.1,bus=port-0000-43-00.0,addr=00.0",
            Answer(new Machine(), [Vmm.Qemu], Group(12, cdevs: false, "0000:43:00.1")).Envs[Qemu],
            StringComparison.Ordinal
        );

    [Fact]
    public void With_nodes_of_their_own_devices_go_by_iommufd_and_the_container_gets_its_node()
    {
        var answer = Answer(new Machine(), [Vmm.Qemu, Vmm.CloudHypervisor], Group(12, cdevs: true, "0000:43:00.0", "0000:43:00.1"));

        Assert.StartsWith("-object iommufd,id=iommufd-example_com_gpu -device ", answer.Envs[Qemu], StringComparison.Ordinal);
        Assert.Equal(2, answer.Envs[Qemu].Split(",iommufd=iommufd-example_com_gpu").Length - 1);
        Assert.Equal("iommufd=on", answer.Envs[Platform]);
        Assert.Equal(
            ["/dev/vfio/vfio", "/dev/vfio/12", "/dev/vfio/devices/vfio0", "/dev/vfio/devices/vfio1", "/dev/iommu"],
            answer.Nodes.Select(n => n.Path)
        );
    }

    [Fact]
    public void KubeVirt_s_pods_get_no_node_of_iommufd_from_us() =>
        Assert.DoesNotContain("/dev/iommu", Answer(new Machine(), [], Group(12, cdevs: true, "0000:43:00.0")).Nodes.Select(n => n.Path));

    [Fact]
    public void On_a_host_without_iommufd_none_is_named()
    {
        var machine = new Machine().Facts(f => f with { Iommufd = false });
        var answer = Answer(machine, [Vmm.Qemu, Vmm.CloudHypervisor], Group(12, cdevs: true, "0000:43:00.0"));

        Assert.DoesNotContain(Platform, answer.Envs.Keys);
        Assert.DoesNotContain("iommufd", answer.Envs[Qemu], StringComparison.Ordinal);
        Assert.DoesNotContain("/dev/iommu", answer.Nodes.Select(n => n.Path));
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "0 0")]
    [InlineData(8, "0 0 0 0 1 1 1 1")]
    public void GPUs_below_one_switch_are_a_clique(int count, string cliques)
    {
        var machine = new Machine();
        List<(Unit, UnitState)> units = [];
        for (var i = 0; i < count; i++)
        {
            var root = $"0000:{(i < 4 ? "40" : "80")}:01.0";
            var gpu = new PciAddress(0, (byte)(0x43 + i), 0, 0);
            machine.Function($"{gpu}", 12 + i, "vfio-pci", L40S, 0x030200, with: f => DeviceInfoTests.BelowSwitch(f, (byte)i, root));
            units.Add(Group(12 + i, cdevs: false, $"{gpu}"));
        }

        var answer = Answer(machine, [Vmm.Qemu, Vmm.CloudHypervisor], [.. units]);

        string Numbers(string text, string option) =>
            string.Join(' ', Regex.Matches(text, $@",{option}=(\d+)").Select(m => m.Groups[1].Value));
        Assert.Equal(cliques, Numbers(answer.Envs[Qemu], "x-nv-gpudirect-clique"));
        Assert.Equal(cliques, Numbers(answer.Envs[CloudHypervisor], "x_nv_gpudirect_clique"));
        FollowsGrammar(answer.Envs, count);
    }

    [Fact]
    public void More_devices_than_a_bus_has_slots_are_spread_over_segments_and_ports_go_below_a_switch()
    {
        var units = Enumerable.Range(0, 60).Select(i => Group(i, cdevs: false, $"{new PciAddress(0, (byte)(0x10 + i), 0, 0)}"));
        var answer = Answer(new Machine(), [Vmm.Qemu, Vmm.CloudHypervisor], [.. units]);

        Assert.Equal("num_pci_segments=3", answer.Envs[Platform]);
        Assert.DoesNotContain("--pci-segment", answer.Envs[CloudHypervisor], StringComparison.Ordinal);
        FollowsGrammar(answer.Envs, 60);
        var segments = Regex.Matches(answer.Envs[CloudHypervisor], @"path=\S+").GroupBy(m => SegmentOf().Match(m.Value).Groups[1].Value);
        Assert.Equal([24, 24, 12], segments.Select(s => s.Count()));
        var qemu = answer.Envs[Qemu];
        Assert.Equal(2, Regex.Count(qemu, @"-device x3130-upstream,id=switch\d-example_com_gpu,bus=switch\d-example_com_gpu-root "));
        Assert.Equal(60, Regex.Count(qemu, "-device xio3130-downstream,"));
        var places = Regex.Matches(qemu, @"chassis=\d+,slot=\d+").Select(m => m.Value).ToList();
        Assert.Equal((62, 62), (places.Count, places.Distinct().Count()));
    }

    [Fact]
    public void Segments_are_weighed_where_equal_shares_of_the_room_below_4_GiB_would_not_do()
    {
        var machine = new Machine();
        List<(Unit, UnitState)> units = [];
        for (var i = 0; i < 26; i++)
        {
            var address = $"{new PciAddress(0, (byte)(0x10 + i), 0, 0)}";
            machine.Function(address, i, "vfio-pci", L40S, 0x030200, with: f => f with { Bars = new BarBytes(16 << 20, 64ul << 30) });
            units.Add(Group(i, cdevs: false, address));
        }

        var answer = Answer(machine, [Vmm.CloudHypervisor], [.. units]);

        // 24 x 16 MiB with what else the VM has, of 640 MiB that would be halved.
        Assert.EndsWith(
            " --pci-segment pci_segment=0,mmio32_aperture_weight=416 pci_segment=1,mmio32_aperture_weight=33",
            answer.Envs[CloudHypervisor],
            StringComparison.Ordinal
        );
        FollowsGrammar(answer.Envs, 26);
    }

    [Fact]
    public void Other_classes_come_with_the_controllers_that_they_need()
    {
        var port = UsbPort.Parse("0000:01:00.0/2");
        var usb = new Handout.UsbNode { Port = port, Identity = new UsbIdentity(PciId.Parse("0781"), PciId.Parse("5581"), null) };
        var mdev = new Handout.MediatedDevice { Uuid = MdevUuid.Parse("83b8f4f2-509f-482f-bc1e-e6258f0ac7d3"), TypeId = "mtty-2" };
        var scsi = new Handout.ScsiNode { Disk = ScsiDisk.Of("0000:02:00.0", "naa.5000c500a1b2c3d4", 3), Name = "naa.5000c500a1b2c3d4" };
        Unit Of(Handout handout) => Units.Of("0000:43:00.0") with { Id = handout.Device, Handout = handout };

        Assert.Equal(
            "-device qemu-xhci,id=usb0-example_com_gpu,p2=15,p3=15 -device usb-host,bus=usb0-example_com_gpu.0,hostbus=1,hostaddr=5",
            Answer(new Machine(), [Vmm.Qemu], (Of(usb), new UsbState(usb.Identity, 1, 5, "1-2").Stand(usb))).Envs[Qemu]
        );
        Assert.Equal(
            "-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2-509f-482f-bc1e-e6258f0ac7d3",
            Answer(new Machine(), [Vmm.Qemu], (Of(mdev), new MdevState("mtty-2", 31).Stand(mdev))).Envs[Qemu]
        );
        Assert.Equal(
            "--device path=/sys/bus/mdev/devices/83b8f4f2-509f-482f-bc1e-e6258f0ac7d3/",
            Answer(new Machine(), [Vmm.CloudHypervisor], (Of(mdev), new MdevState("mtty-2", 31).Stand(mdev))).Envs[CloudHypervisor]
        );
        Assert.Equal(
            "-device virtio-scsi-pci,id=scsi-example_com_gpu "
                + "-blockdev driver=host_device,node-name=host-sg4,filename=/dev/sg4 "
                + "-device scsi-generic,bus=scsi-example_com_gpu.0,drive=host-sg4",
            Answer(new Machine(), [Vmm.Qemu], (Of(scsi), new ScsiState("3:0:1:3", "/dev/sg4", "/dev/sdc").Stand(scsi))).Envs[Qemu]
        );
    }

    [Fact]
    public void A_policy_says_for_whom()
    {
        var machine = new Machine().Function("0000:43:00.0", 12, "vfio-pci", flr: true);
        var policy = Given.HostDevice(spec: s => s with { VmmArguments = [Vmm.Qemu] });

        var unit = Assert.Single(Given.Input(machine, policy).Plan().Units);

        Assert.Equal([Vmm.Qemu], unit.Vmms);
    }

    /// <summary>
    /// What cloud-hypervisor's documentation writes (docs/vfio.md, vmm/src/config.rs: SYNTAX of DeviceConfig, PciSegmentConfig and
    /// PlatformConfig).
    /// </summary>
    private static void FollowsGrammar(ImmutableSortedDictionary<string, string> envs, int devices)
    {
        Assert.Matches(Grammar(), envs[CloudHypervisor]);
        Assert.Equal(devices, envs[CloudHypervisor].Split(" path=").Length - 1);
        if (envs.TryGetValue(Platform, out var platform))
            Assert.Matches("^(num_pci_segments=[0-9]+)?,?(iommufd=on)?$", platform);
    }

    private static (Unit, UnitState) Group(int group, bool cdevs, params string[] addresses)
    {
        var state = Units.State(group, [.. addresses.Select(a => (a, (string?)"vfio-pci"))]);
        return Units
            .Of(addresses)
            .In(
                cdevs
                    ? state with
                    {
                        Cdevs = addresses
                            .Select((a, i) => (a, i))
                            .ToImmutableSortedDictionary(t => PciAddress.Parse(t.a), t => $"vfio{t.i}"),
                    }
                    : state
            );
    }

    private static AllocateOutcome.Granted Answer(Machine machine, ImmutableArray<Vmm> vmms, params (Unit Unit, UnitState State)[] units) =>
        AllocateAnswer.Compose(Gpu, units.Select(u => (u.Unit with { Vmms = vmms }, u.State)), machine);

    [GeneratedRegex(",pci_segment=([0-9]+)")]
    private static partial Regex SegmentOf();

    [GeneratedRegex(
        "^--device( path=/sys/bus/(pci|mdev)/devices/[0-9a-f:.-]+/(,x_nv_gpudirect_clique=([0-9]|1[0-5]))?(,pci_segment=[0-9]+)?)+"
            + "( --pci-segment( pci_segment=[0-9]+,mmio32_aperture_weight=[1-9][0-9]*)+)?$"
    )]
    private static partial Regex Grammar();
}
