using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Changes of mind, one after another, each held against what plan has foreseen of it (<see cref="ForeseenWrites"/>, which every scenario
/// on the simulated kernel asks too): here it is certain that they were compared.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class ForesightScenarios
{
    private static readonly Dictionary<string, string[]> s_minds = new(StringComparer.Ordinal)
    {
        ["everything, another mind, nothing"] = [Desired.Everything, Desired.Changed, Desired.Nothing],
        ["with settings of functions"] = [Desired.EverythingSet, Desired.ChangedSet, Desired.Nothing],
        ["a GPU, held and then assigned"] =
        [
            Desired.Policies(Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings")),
            Desired.Policies(Desired.HostDevice("gpu", "0000:43:00.0", pci: ", groupPolicy: AssignSiblings")),
            Desired.Nothing,
        ],
        ["virtual functions, more and fewer"] =
        [
            Desired.Policies(Desired.Vfs(2)),
            Desired.Policies(Desired.Vfs(7)),
            Desired.Policies(Desired.Vfs(1)),
            Desired.Nothing,
        ],
        ["mediated devices of two types"] =
        [
            Desired.Policies(
                Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 2"),
                Desired.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 3")
            ),
            Desired.Policies(Desired.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 1")),
            Desired.Nothing,
        ],
        ["devices that are lent, and one that binds late"] =
        [
            Desired.Policies(
                Desired.UsbDevice("stick", "serial: LABUSB0"),
                Desired.ScsiDevice("disk", "serial: LABSCSI0"),
                Desired.HostDevice("nic", "0000:86:00.0", more: "binding: OnAllocate")
            ),
            Desired.Policies(Desired.HostDevice("nic", "0000:86:00.0")),
            Desired.Nothing,
        ],
    };

    public static TheoryData<string> Minds => [.. s_minds.Keys];

    [Theory]
    [MemberData(nameof(Minds))]
    public async Task What_plan_foresees_is_what_run_does(string minds)
    {
        var all = s_minds[minds];
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), all[0]);
        await bench.ReadyAsync();
        foreach (var desired in all[1..])
        {
            bench.Desire(desired);
            if (desired == Desired.Nothing)
                await bench.GivenBackAsync();
            else
                await bench.ReadyAsync();
        }

        Assert.Equal(all.Length, bench.WaysCompared);
    }

    [Fact]
    public async Task Types_of_vGPU_too()
    {
        var node = new SimulatedNode();
        node.LoadDriver("vgpu-standin");
        node.Write(
            ("/sys/bus/pci/devices/0000:41:00.0/sriov_drivers_autoprobe", "0"),
            ("/sys/bus/pci/devices/0000:41:00.0/sriov_numvfs", "3")
        );
        foreach (var vf in (string[])["0000:41:10.0", "0000:41:10.2", "0000:41:10.4"])
            node.Write(($"/sys/bus/pci/devices/{vf}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", vf));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", "0000:41:00.0", "typeId: \"902\"", "mode: Static, count: 2"))
        );
        await bench.ReadyAsync();
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(2, bench.WaysCompared);
    }
}
