using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class DeviceGraphTests
{
    private const string Vmd = "0000:00:0e.0";
    private const string Port = "10000:00:01.0";
    private const string Disk = "10000:01:00.0";
    private const string Uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    /// <summary>
    /// A VMD with a disk behind it that makes VFs; a graphics card in a group with its audio function, and an mdev on it.
    /// </summary>
    private static readonly HostInventory s_inventory = new Machine()
        .Function(Vmd, 3, "vmd", "8086:467f", 0x010400)
        .Bridge(Port, 4)
        .Function(Disk, 5, "nvme", "144d:a80a", 0x010802)
        .Function("10000:01:00.1", 6, "nvme", "144d:a80a", 0x010802)
        .Change(Port, f => f with { Path = [PciAddress.Parse(Vmd)] })
        .Change(Disk, f => f with { Path = [PciAddress.Parse(Vmd), PciAddress.Parse(Port)] })
        .Change(
            "10000:01:00.1",
            f => f with { PhysicalFunction = PciAddress.Parse(Disk), Path = [PciAddress.Parse(Vmd), PciAddress.Parse(Port)] }
        )
        .Gpu()
        .Audio()
        .Build() with
    {
        MdevParents =
        [
            new MdevParent
            {
                Name = "0000:43:00.0",
                PciAddress = PciAddress.Parse("0000:43:00.0"),
                Types = [],
            },
        ],
        Mdevs =
        [
            new MdevDevice
            {
                Uuid = MdevUuid.Parse(Uuid),
                Parent = "0000:43:00.0",
                TypeId = "nvidia-1",
                IommuGroup = 90,
            },
        ],
    };

    private static readonly DeviceGraph s_graph = DeviceGraph.Of(s_inventory);

    [Theory]
    [InlineData(Vmd, Bond.Carried, Disk, "10000:01:00.1")] // and the port between them, which is a bridge, is in nobody's way
    [InlineData(Vmd, Bond.Made)]
    [InlineData(Disk, Bond.Made, "10000:01:00.1")]
    [InlineData("0000:43:00.0", Bond.Made, Uuid)]
    [InlineData("0000:43:00.1", Bond.Made)]
    public void What_goes_with_a_device_is_below_it(string device, Bond bond, params string[] below) =>
        Assert.Equal(below, s_graph.Below(DeviceId.Parse(device), bond).Select(d => d.ToString()));

    [Theory]
    [InlineData("10000:01:00.1", "10000:01:00.1", Disk, Vmd)]
    [InlineData(Disk, Disk, "10000:01:00.1", Vmd)]
    [InlineData(Uuid, Uuid, "0000:43:00.0")]
    [InlineData("0000:43:00.1", "0000:43:00.1")] // its group is no family: it may be another policy's
    public void Kin_is_what_is_above_and_below(string device, params string[] kin) =>
        Assert.Equal(
            kin.Order(StringComparer.Ordinal),
            s_graph.Kin(DeviceId.Parse(device)).Select(d => d.ToString()).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void What_is_isolated_together_or_has_parents_in_common_is_changed_one_after_the_other()
    {
        var clusters = s_graph.Clusters();
        var together = clusters
            .GroupBy(c => c.Value.ToString(), c => c.Key.ToString(), StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.Order(StringComparer.Ordinal).ToList(), StringComparer.Ordinal);
        Assert.Equal(["0000:00:0e.0", "10000:01:00.0", "10000:01:00.1"], together[Vmd]);
        Assert.Equal(["0000:43:00.0", "0000:43:00.1", Uuid], together["0000:43:00.0"]);
        Assert.Equal([Port], together[Port]);
    }

    [Fact]
    public void A_supplier_that_has_let_go_carries_nobody_any_more()
    {
        var machine = new Machine().Gpu().Audio().Change("0000:43:00.1", f => f with { Suppliers = [PciAddress.Parse("0000:43:00.0")] });
        Assert.Equal(["0000:43:00.1"], Below(machine));
        Assert.Empty(Below(machine.Change("0000:43:00.0", f => f with { Driver = "vfio-pci" })));
        Assert.Empty(Below(machine.Change("0000:43:00.0", f => f with { Driver = null })));

        static ImmutableArray<string> Below(Machine machine) =>
            [.. DeviceGraph.Of(machine.Build()).Below(PciAddress.Parse("0000:43:00.0"), Bond.Carried).Select(d => d.ToString())];
    }
}
