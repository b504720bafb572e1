using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>What a container is told of its devices beside KubeVirt's variables.</summary>
public sealed class DeviceInfoTests
{
    private static readonly ResourceName Gpu = ResourceName.Parse("example.com/gpu");
    private static readonly MdevUuid Uuid = MdevUuid.Parse("83b8f4f2-509f-482f-bc1e-e6258f0ac7d3");
    private static readonly UsbPort Port = UsbPort.Parse("0000:01:00.0/2");
    private static readonly ScsiDisk Disk = ScsiDisk.Of("0000:02:00.0", "naa.5000c500a1b2c3d4", 3);

    [Fact]
    public void A_group_of_two_is_told_with_its_group_nodes_place_room_and_resets()
    {
        var machine = new Machine()
            .Function("0000:43:00.0", 12, "vfio-pci", "10de:2235", 0x030200, with: Detailed)
            .Function("0000:43:00.1", 12, "vfio-pci", "10de:1aef", 0x040300);
        var state = Units.State(12, ("0000:43:00.0", "vfio-pci"), ("0000:43:00.1", "vfio-pci")) with
        {
            Cdevs = ImmutableSortedDictionary<PciAddress, string>.Empty.Add(PciAddress.Parse("0000:43:00.0"), "vfio4"),
        };

        Golden.Matches("device-info-pci.json", Indented(Told(machine, Units.Of("0000:43:00.0", "0000:43:00.1").In(state))));
    }

    [Fact]
    public void Devices_of_other_classes_are_told_by_what_a_VMM_opens()
    {
        var inventory = (HostInventory)new Machine();
        inventory = inventory with
        {
            UsbDevices =
            [
                new UsbDevice
                {
                    Port = Port,
                    PortPath = "1-2",
                    Vendor = PciId.Parse("0781"),
                    Product = PciId.Parse("5581"),
                    Manufacturer = "Ma\"ker\n\u001b[31m",
                    ProductName = "Stick ü",
                    BusNumber = 1,
                    DeviceNumber = 5,
                    IsHub = false,
                },
            ],
            MdevParents = [new MdevParent { Name = "mtty", Types = [new MdevType("mtty-2", "Dual port serial", 1, "vfio-pci", null)] }],
            Mdevs =
            [
                new MdevDevice
                {
                    Uuid = Uuid,
                    Parent = "mtty",
                    TypeId = "mtty-2",
                    IommuGroup = 31,
                },
            ],
        };
        var usb = new Handout.UsbNode { Port = Port, Identity = new UsbIdentity(PciId.Parse("0781"), PciId.Parse("5581"), null) };
        var mdev = new Handout.MediatedDevice { Uuid = Uuid, TypeId = "mtty-2" };
        var scsi = new Handout.ScsiNode { Disk = Disk, Name = "naa.5000c500a1b2c3d4" };

        var told = Told(
            inventory,
            (Of(usb), UsbState.Of(Port, inventory).Stand(usb)),
            (Of(mdev), MdevState.Of(Uuid, inventory).Stand(mdev)),
            (Of(scsi), new ScsiState("3:0:1:3", "/dev/sg4", "/dev/sdc").Stand(scsi))
        );

        Assert.True(told.All(char.IsAscii), told);
        Golden.Matches("device-info-others.json", Indented(told));
    }

    [Fact]
    public void Without_a_reading_of_the_machine_it_is_less_and_still_valid() =>
        Told(null, Units.Of("0000:43:00.0").In(Units.State(12, ("0000:43:00.0", "vfio-pci"))));

    [Theory]
    [InlineData(150, false)]
    [InlineData(700, true)]
    public void It_is_shortened_before_it_is_too_long_for_a_variable(int functions, bool expected)
    {
        var machine = new Machine();
        for (var i = 0; i < functions; i++)
            machine.Function(AddressOf(i), i, "vfio-pci", "8086:154c", 0x020000);
        var units = Enumerable.Range(0, functions).Select(i => Units.Of(AddressOf(i)).In(Units.State(i, (AddressOf(i), "vfio-pci"))));

        var told = Told(machine, [.. units]);

        Assert.InRange(told.Length, 1, DeviceInfo.MostBytes);
        Assert.Equal(expected, told.Contains("\"shortened\":true", StringComparison.Ordinal));
        Assert.Equal(functions, JsonNode.Parse(told)!["devices"]!.AsArray().Count);
    }

    [Fact]
    public void What_would_be_too_long_even_so_is_left_out()
    {
        var units = Enumerable.Range(0, 1000).Select(i => Units.Of(AddressOf(i)).In(Units.State(i, (AddressOf(i), "vfio-pci"))));

        Assert.DoesNotContain("HOSTDEV_EXAMPLE_COM_GPU_INFO", AllocateAnswer.Compose(Gpu, units, null).Envs.Keys);
    }

    /// <summary>Two GPUs of one switch and a NIC, which is in another IOMMU group each.</summary>
    [Fact]
    public void Of_a_device_group_each_function_has_its_own_IOMMU_group_and_clique()
    {
        string[] addresses = ["0000:43:00.0", "0000:44:00.0", "0000:45:00.0"];
        var machine = new Machine();
        foreach (var (i, address) in addresses.Index())
        {
            var (ids, classCode) = i < 2 ? ("10de:26b9", 0x030200u) : ("15b3:1021", 0x020000u);
            machine.Function(
                address,
                12 + i,
                "vfio-pci",
                ids,
                classCode,
                with: f => BelowSwitch(f, (byte)i, "0000:40:01.0") with { VfioCdev = $"vfio{i}", HasVfioCdevNode = true }
            );
        }

        var unit = Units.Of(addresses) with { Vmms = [Vmm.Qemu, Vmm.CloudHypervisor] };
        var answer = AllocateAnswer.Compose(Gpu, [(unit, UnitReadiness.StateOf(unit, machine))], machine);

        Assert.Equal(
            [
                "/dev/vfio/vfio",
                "/dev/vfio/12",
                "/dev/vfio/devices/vfio0",
                "/dev/vfio/13",
                "/dev/vfio/devices/vfio1",
                "/dev/vfio/14",
                "/dev/vfio/devices/vfio2",
                "/dev/iommu",
            ],
            answer.Nodes.Select(n => n.Path)
        );
        Assert.Equal("0000:43:00.0", answer.Envs["PCI_RESOURCE_EXAMPLE_COM_GPU"]);
        var told = answer.Envs["HOSTDEV_EXAMPLE_COM_GPU_INFO"];
        DeviceInfoSchema.Check(told);
        var device = JsonNode.Parse(told)!["devices"]![0]!;
        Assert.Equal((12, 0), ((int)device["iommuGroup"]!["number"]!, (int)device["p2pClique"]!));
        Assert.Equal(
            [(null, null), (13, 0), (14, null)],
            device["assigned"]!.AsArray().Select(f => ((int?)f!["iommuGroup"]?["number"], (int?)f["p2pClique"]))
        );
        Assert.Equal(2, answer.Envs["HOSTDEV_EXAMPLE_COM_GPU_QEMU_ARGS"].Split("x-nv-gpudirect-clique=0").Length - 1);
        Assert.Equal(3, answer.Envs["HOSTDEV_EXAMPLE_COM_GPU_QEMU_ARGS"].Split("pcie-root-port").Length - 1);
        Assert.Equal(2, answer.Envs["HOSTDEV_EXAMPLE_COM_GPU_CLOUD_HYPERVISOR_ARGS"].Split("x_nv_gpudirect_clique=0").Length - 1);
    }

    [Fact]
    public void A_device_group_of_which_one_function_is_gone_or_not_on_its_driver_is_not_ready()
    {
        var unit = Units.Of("0000:43:00.0", "0000:45:00.0");
        var machine = new Machine().Function("0000:43:00.0", 12, "vfio-pci").Function("0000:45:00.0", 14, "mlx5_core");
        Assert.Equal("0000:45:00.0 is on the driver mlx5_core instead of vfio-pci", UnitReadiness.StateOf(unit, machine).Problem);
        Assert.Equal("0000:45:00.0 is gone", UnitReadiness.StateOf(unit, new Machine().Function("0000:43:00.0", 12, "vfio-pci")).Problem);
        machine = new Machine()
            .Function("0000:43:00.0", 12, "vfio-pci")
            .Function("0000:45:00.0", 14, "vfio-pci")
            .Function("0000:45:00.1", 14, "mlx5_core");
        Assert.Equal(
            "0000:45:00.1 shares group 14 and is on the driver mlx5_core, with which VFIO refuses the group",
            UnitReadiness.StateOf(unit, machine).Problem
        );
    }

    internal static PciFunction BelowSwitch(PciFunction function, byte port, string root) =>
        function with
        {
            Path = [PciAddress.Parse(root), PciAddress.Parse("0000:41:00.0"), new PciAddress(0, 0x42, port, 0)],
        };

    private static PciFunction Detailed(PciFunction function) =>
        function with
        {
            NumaNode = 1,
            Path = [PciAddress.Parse("0000:40:01.0")],
            Bars = new BarBytes(16 << 20, 64ul << 30),
            VendorName = "NVIDIA Corporation",
            DeviceName = "GA102GL [A40]",
            ResetMethods = ["flr", "bus"],
        };

    private static string AddressOf(int i) => $"{new PciAddress(0, (byte)(1 + (i / 256)), (byte)(i / 8 % 32), (byte)(i % 8))}";

    private static Unit Of(Handout handout) => Units.Of("0000:43:00.0") with { Id = handout.Device, Handout = handout };

    /// <summary>The variable of an answer, which follows the schema, and of which the schema knows every field.</summary>
    private static string Told(HostInventory? inventory, params (Unit Unit, UnitState State)[] units)
    {
        var told = AllocateAnswer.Compose(Gpu, units, inventory).Envs["HOSTDEV_EXAMPLE_COM_GPU_INFO"];
        DeviceInfoSchema.Check(told);
        return told;
    }

    private static string Indented(string json) =>
        JsonNode.Parse(json)!.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
}
