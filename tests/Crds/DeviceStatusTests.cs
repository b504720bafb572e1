using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>How a device stands in a node's status, whatever its class.</summary>
public sealed class DeviceStatusTests
{
    [Theory]
    [InlineData("0000:3b:00.0", """{"id":"0000:3b:00.0","class":"pci","pciAddress":"0000:3b:00.0"}""")]
    [InlineData("0000:01:00.0/1.4", """{"id":"0000:01:00.0/1.4","class":"usb"}""")]
    [InlineData("scsi-0123456789abcdef", """{"id":"scsi-0123456789abcdef","class":"scsi"}""")]
    [InlineData("5a1e0b7c-9f34-8d21-b6a0-1234567890ab", """{"id":"5a1e0b7c-9f34-8d21-b6a0-1234567890ab","class":"mdev"}""")]
    public void A_device_of_any_class_is_written_and_read_and_the_CRD_takes_it(string id, string expected)
    {
        var written = Written([DeviceStatus.Of(DeviceId.Parse(id))]);
        Assert.Equal(expected, written["devices"]![0]!.ToJsonString());
        var read = NodeDeviceStateReader.ReadStatus(CrdFiles.Element(written))!;
        Assert.Equal(DeviceStatus.Of(DeviceId.Parse(id)), Assert.Single(read.Devices));
        Assert.Empty(Complaints(written));
    }

    [Fact]
    public void What_a_class_alone_has_stands_in_its_part()
    {
        var device = DeviceStatus.Of(DeviceId.Parse("0000:3b:00.0")) with
        {
            Ids = "10de:2204",
            Driver = "vfio-pci",
            NumaNode = 1,
            State = "Offered",
        };
        var written = Written([device with { Pci = new PciDeviceStatus(12) }, device with { Pci = new PciDeviceStatus() }]);
        Assert.Equal(
            """{"id":"0000:3b:00.0","class":"pci","ids":"10de:2204","driver":"vfio-pci","numaNode":1,"state":"Offered","""
                + """
                "pci":{"iommuGroup":12},"pciAddress":"0000:3b:00.0"}
                """,
            written["devices"]![0]!.ToJsonString()
        );
        Assert.Equal("{}", written["devices"]![1]!["pci"]!.ToJsonString());
        Assert.Empty(Complaints(written));
    }

    /// <summary>helm puts the CRD of the version before in the place of this one's while agents of this version still write.</summary>
    [Fact]
    public void The_CRD_of_the_version_before_takes_devices_of_all_classes_and_drops_only_their_new_parts()
    {
        var written = Written([
            Device("0000:3b:00.0") with
            {
                Pci = new PciDeviceStatus(12, PciClass.Parse("030000"))
                {
                    Subsystem = "10de:1467",
                    Slot = "4",
                    Interfaces = ["eth0"],
                    Sriov = new SriovDeviceStatus(16, 4, 1),
                },
            },
            Device("0000:01:00.0/1.4") with
            {
                Usb = new UsbDeviceStatus("0042"),
            },
            Device("scsi-0123456789abcdef") with
            {
                Scsi = new ScsiDeviceStatus("0000:01:00.0", "ACME", "Disk", "17", "naa.5000c500a1b2c3d4", "0:0:1:0"),
            },
            Device("5a1e0b7c-9f34-8d21-b6a0-1234567890ab") with
            {
                Mdev = new MdevDeviceStatus("nvidia-222", "0000:3b:00.0"),
            },
        ]);
        Assert.Empty(Complaints(written));
        var state = new JsonObject { ["status"] = written };
        var before = CrdFiles.SchemaOf(Repository.Path("tests", "testdata", "crds", "2026-11-29", "nodedevicestates.yaml"));
        string[] ofPci = ["classCode", "subsystem", "slot", "interfaces", "sriov"];
        Assert.Equal(
            [
                .. ofPci.Order(StringComparer.Ordinal).Select(f => $"status.devices[0].pci.{f}"),
                "status.devices[1].usb",
                "status.devices[2].scsi",
                "status.devices[3].mdev",
            ],
            before.Prune(state)
        );
        Assert.Empty(before.ValidateStatus(state, null));
        var kept = NodeDeviceStateReader.ReadStatus(CrdFiles.Element(state["status"]))!.Devices;
        Assert.Equal(["pci", "usb", "scsi", "mdev"], kept.Select(d => d.Class));
        Assert.Equal(["0000:3b:00.0", null, null, null], kept.Select(d => d.PciAddress));
    }

    [Theory]
    [InlineData("Offered as example.com/gpu")]
    [InlineData("Not offered as example.com/gpu: 0000:43:00.0 is cordoned: its policy is about to change it")]
    [InlineData("Not offered: 0000:43:00.0 is on the driver nouveau instead of vfio-pci")] // of the version before
    [InlineData("Held by 0000:43:00.0 (on pci-stub)")]
    public void What_a_state_says_is_read_back_to_the_letter(string text) => Assert.Equal(text, DeviceState.Read(text)!.ToString());

    [Fact]
    public void A_state_is_read_as_what_it_says()
    {
        Assert.Null(DeviceState.Read(null));
        Assert.Null(DeviceState.Read(""));
        Assert.Equal(new DeviceState.Offered("example.com/gpu"), DeviceState.Read("Offered as example.com/gpu"));
        Assert.Equal(new DeviceState.NotOffered("a.b/c", "it is: so"), DeviceState.Read("Not offered as a.b/c: it is: so"));
        Assert.Equal(new DeviceState.NotOffered(null, "it is: so"), DeviceState.Read("Not offered: it is: so"));
        Assert.Equal(new DeviceState.Taken("Not offered as it"), DeviceState.Read("Not offered as it"));
        Assert.Equal(new DeviceState.Taken("Held by x"), DeviceState.Read("Held by x"));
    }

    private static DeviceStatus Device(string id) => DeviceStatus.Of(DeviceId.Parse(id));

    /// <summary>Until agents of the version before are gone their entries are taken; what names no device is not.</summary>
    [Theory]
    [InlineData("""{"pciAddress": "0000:3b:00.0", "ids": "10de:2204", "iommuGroup": 12}""", true)]
    [InlineData("""{"id": "0000:3b:00.0", "ids": "10de:2204"}""", false)]
    [InlineData("""{"class": "pci", "ids": "10de:2204"}""", false)]
    [InlineData("""{"id": "0000:3b:00.0", "class": "PCI"}""", false)]
    public void An_entry_has_id_and_class_or_is_of_the_version_before(string device, bool taken)
    {
        var written = Written([]);
        written["devices"] = new JsonArray(JsonNode.Parse(device));
        Assert.Equal(taken, Complaints(written).Length == 0);
    }

    /// <summary>The operator labels Nodes by them.</summary>
    [Fact]
    public void The_ids_of_PCI_functions_are_read_whoever_wrote_them_and_no_other_ids()
    {
        const string state = """
            {"metadata": {"name": "n"}, "status": {"devices": [
              {"pciAddress": "0000:02:00.0", "ids": "10de:24b0", "iommuGroup": 3},
              {"ids": "8086:1572", "pci": {"iommuGroup": 4, "ids": "part"}, "class": "pci", "id": "0000:01:00.0"},
              {"id": "0000:01:00.0/1.4", "class": "usb", "ids": "046d:c52b"},
              {"ids": "0001:0002", "class": "scsi", "id": "scsi-0123456789abcdef"},
              {"class": 7, "ids": "0003:0004"}, {"class": "pci", "ids": ["0005:0006"]}, [{"ids": "0007:0008"}], 9, null, {}
            ], "truncated": true}}
            """;
        var status = JsonSerializer.Deserialize(state, HostdevKinds.NodeDeviceStateSummaries.Json)!.Status!;
        Assert.Equal(["10de:24b0", "8086:1572"], status.PciIds);
        Assert.True(status.Truncated); // and what follows is read
    }

    private static JsonObject Written(DeviceStatus[] devices) =>
        NodeDeviceStateWriter
            .ToJson(
                new NodeDeviceStateStatus
                {
                    Host = new HostStatus
                    {
                        Kernel = "6.12",
                        Architecture = "x86_64",
                        BootId = "b",
                        Iommu = true,
                        InterruptRemapping = "Yes",
                        KernelArguments = [],
                        VfioDrivers = [],
                        Problems = [],
                    },
                    Devices = [.. devices],
                    VirtualFunctions = [],
                    Allocations = [],
                    Policies = [],
                    Releasing = [],
                    Resources = [],
                    Conditions = [],
                }
            )
            .AsObject();

    /// <summary>What the API server would say, and drop.</summary>
    private static string[] Complaints(JsonObject status)
    {
        var state = new JsonObject { ["status"] = status.DeepClone() };
        var schema = CrdFiles.Schema("NodeDeviceState");
        return [.. schema.Prune(state), .. schema.ValidateStatus(state, null).Select(e => e.ToString())];
    }
}
