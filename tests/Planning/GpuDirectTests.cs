using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Pci;
using Hostdev.Tests.Offering;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Which GPUs a guest is told of that they reach each other's memory.</summary>
public sealed class GpuDirectTests
{
    [Theory]
    [InlineData("1eb8", 0x030200u, true)] // T4
    [InlineData("20b0", 0x030200u, true)] // A100
    [InlineData("2235", 0x030200u, true)] // A40
    [InlineData("2330", 0x030200u, true)] // H100
    [InlineData("26b9", 0x030200u, true)] // L40S
    [InlineData("1db4", 0x030200u, false)] // V100: a generation before
    [InlineData("2901", 0x030200u, false)] // B200: not documented
    [InlineData("2204", 0x030000u, false)] // GeForce RTX 3090: its window is a mirror
    public void Cliques_are_for_data_center_boards_of_documented_generations(string device, uint classCode, bool supported)
    {
        PciAddress[] gpus = [PciAddress.Parse("0000:43:00.0"), PciAddress.Parse("0000:44:00.0")];
        var machine = new Machine();
        foreach (var gpu in gpus)
            machine.Function(
                $"{gpu}",
                gpu.Bus,
                "vfio-pci",
                $"10de:{device}",
                classCode,
                with: f => DeviceInfoTests.BelowSwitch(f, gpu.Bus, "0000:40:01.0")
            );

        var cliques = GpuDirect.Cliques([.. gpus.Select(g => Units.Of($"{g}"))], machine);

        Assert.Equal(supported ? [0, 0] : [], cliques.Values);
    }

    [Fact]
    public void Cliques_are_as_many_as_the_option_can_say_and_only_of_two_or_more()
    {
        var machine = new Machine();
        List<Unit> units = [];
        for (byte port = 0; port < 20; port++)
        {
            var root = new PciAddress(port, 0, 1, 0);
            for (byte i = 0; i < (port == 3 ? 1 : 2); i++)
            {
                var gpu = new PciAddress(port, (byte)(0x10 + i), 0, 0);
                machine.Function(
                    $"{gpu}",
                    (port * 2) + i,
                    "vfio-pci",
                    "10de:26b9",
                    0x030200,
                    with: f => DeviceInfoTests.BelowSwitch(f, i, $"{root}")
                );
                units.Add(Units.Of($"{gpu}"));
            }
        }

        var cliques = GpuDirect.Cliques([.. units], machine);

        Assert.Equal(Enumerable.Range(0, 16), cliques.Values.Distinct().Order());
        Assert.DoesNotContain(cliques.Keys, d => d.AsPci!.Value.Domain == 3);
        Assert.All(cliques.GroupBy(c => c.Value), c => Assert.Single(c.Select(d => d.Key.AsPci!.Value.Domain).Distinct()));
    }
}
