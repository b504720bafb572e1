using Hostdev.DevicePlugin.Offering;
using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Two Allocates at the same time for the last room of a card, again and again: one gets its device, the other a refusal, and what the
/// first had is removed before the next round.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class LastRoomTests
{
    private const string Card = "0000:41:00.0";
    private const string Foreign = "11111111-2222-4333-8444-55555555555";
    private static readonly string[] s_functions = ["0000:41:10.0", "0000:41:10.2"];

    private static int Rounds => Amount.Of(1000, fast: 60);

    [Fact]
    public async Task Of_two_mediated_devices_one_is_made()
    {
        using var node = new SimulatedNode();
        foreach (var i in Enumerable.Range(0, 3))
            node.Write(("/sys/class/mdev_bus/mdpy/mdev_supported_types/mdpy-vga/create", $"{Foreign}{i}")); // it makes four
        await RaceAsync(
            node,
            Desired.Policies(
                Desired.Mdevs("small", "mdpy", "mdpy-vga", "mode: OnDemand, max: 1"),
                Desired.Mdevs("large", "mdpy", "mdpy-hd", "mode: OnDemand, max: 1")
            ),
            () => Directory.EnumerateFileSystemEntries(node.Kernel.Paths.Resolve("/sys/bus/mdev/devices")).Count() - 3
        );
    }

    [Fact]
    public async Task Of_two_virtual_functions_one_is_given_its_type()
    {
        using var node = new SimulatedNode();
        node.LoadDriver("vgpu-standin");
        node.Write(($"/sys/bus/pci/devices/{Card}/sriov_drivers_autoprobe", "0"), ($"/sys/bus/pci/devices/{Card}/sriov_numvfs", "2"));
        foreach (var function in s_functions)
            node.Write(($"/sys/bus/pci/devices/{function}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", function));
        await RaceAsync(
            node,
            Desired.Policies(Desired.Vgpus("last", Card, "typeId: \"904\"", "mode: OnDemand, max: 2")),
            () =>
                s_functions.Count(f =>
                    File.ReadAllText(node.Kernel.Paths.Resolve($"/sys/bus/pci/devices/{f}/nvidia/current_vgpu_type")).Trim() != "0"
                )
        );
    }

    /// <param name="made">How many devices of ours there are.</param>
    private static async Task RaceAsync(SimulatedNode node, string desired, Func<int> made)
    {
        var directory = Directory.CreateTempSubdirectory("hostdev-races-").FullName;
        var clock = new StillClock();
        using var agent = new SteppedAgent(node.Machine, clock, directory);
        var kubelet = new SteppedKubelet(agent, clock);
        agent.Start();
        agent.Desire(desired);
        var wins = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var round = 0; round < Rounds; round++)
        {
            GiveBack(agent, kubelet, clock);
            Assert.Equal(0, made());
            var units = agent.Host.Allocator.Catalog.Units.Values.Where(u => u.Problem is null).Select(u => u.Unit).ToList();
            Assert.Equal(2, units.Count);
            using var start = new Barrier(2);
            var answers = await Task.WhenAll(
                units.Select(unit =>
                    Task.Run(() =>
                    {
                        start.SignalAndWait(TestContext.Current.CancellationToken);
                        return agent.Host.Allocator.AllocateAsync(unit.Resource, [unit.Id.ToString()], CancellationToken.None).AsTask();
                    })
                )
            );
            var granted = answers.OfType<AllocateOutcome.Granted>().ToList();
            var refused = answers.OfType<AllocateOutcome.Refused>().ToList();
            Assert.Equal((round, 1, 1), (round, granted.Count, refused.Count));
            Assert.Contains("cannot be given out", refused[0].Refusal.Message, StringComparison.Ordinal);
            Assert.Equal((1, 1), (made(), agent.Host.Allocator.Ledger.ById.Count));
            var winner = agent.Host.Allocator.Ledger.ById.Keys.Single();
            wins[winner] = wins.GetValueOrDefault(winner) + 1;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Rounds} rounds: {string.Join(", ", wins)}");
        agent.Desire(Desired.Nothing);
        GiveBack(agent, kubelet, clock);
        Assert.Equal(0, made());
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>No pod shows what was given, so it is proven free and goes.</summary>
    private static void GiveBack(SteppedAgent agent, SteppedKubelet kubelet, StillClock clock)
    {
        for (var look = 0; look < 3; look++)
        {
            clock.Advance(TimeSpan.FromSeconds(70));
            kubelet.ReportPods();
        }

        Assert.True(agent.Settle());
        Assert.Empty(agent.Host.Allocator.Ledger.ById);
    }
}
