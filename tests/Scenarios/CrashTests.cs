using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The big scenario comes up, is changed and is given back; at every moment of it, before and after each record of the journal and after
/// each write, the agent is killed once and started again. A first run without a crash finds out how many moments there are. With
/// HOSTDEV_FAST=1 every <see cref="Stride"/>th is tried.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class CrashTests
{
    private const int Parts = 8;

    private static int Stride => Amount.Of(1, fast: 23);

    public static TheoryData<int> AllParts => [.. Enumerable.Range(1, Parts)];

    /// <param name="part">The moments are dealt out to so many cases, so that they run side by side.</param>
    [Theory]
    [MemberData(nameof(AllParts))]
    public void Killed_at_any_moment_it_goes_on_after_a_restart_and_gives_back_clean(int part)
    {
        using var run = new CrashRun();
        var moments = run.Go(killAt: null);
        Assert.True(run.Records >= 90, $"the scenario makes {run.Records} records: it is not the big one any more");
        var tried = 0;
        for (long moment = part; moment <= moments; moment += Parts * Stride)
        {
            run.Go(moment);
            tried++;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{tried} of {moments} moments");
        run.CheckWholeTree();
    }

    /// <summary>One machine, on which the scenario runs again and again.</summary>
    private sealed class CrashRun : IDisposable
    {
        private readonly SimulatedNode _node = new();
        private readonly StillClock _clock = new();
        private readonly TreeSnapshot _wholeBefore;
        private readonly TreeSnapshot _before;

        public CrashRun()
        {
            _wholeBefore = _node.Snapshot();
            _before = TreeSnapshot.TakeHostState(_node.Kernel.Paths);
        }

        public long Records { get; private set; }

        /// <returns>How many moments there were.</returns>
        public long Go(long? killAt)
        {
            var directory = Directory.CreateTempSubdirectory("hostdev-crash-").FullName;
            using var agent = new SteppedAgent(_node.Machine, _clock, directory);
            agent.Start();
            if (killAt is { } moment)
                agent.KillAt(moment);
            var kills = 0;
            foreach (
                var (desired, check) in (ReadOnlySpan<(string, Action)>)
                    [(Desired.EverythingSet, CheckUp), (Desired.ChangedSet, CheckChanged), (Desired.Nothing, () => { })]
            )
            {
                agent.Desire(desired);
                while (!agent.Settle())
                {
                    kills++;
                    agent.Start(); // what was desired is on disk: nobody says it again
                }

                try
                {
                    check();
                }
                catch (Exception e) when (killAt is not null)
                {
                    throw new InvalidOperationException($"killed at moment {killAt}, {agent.LastMoment}: {e.Message}", e);
                }
            }

            Assert.Equal(killAt is null ? 0 : 1, kills);
            Assert.Empty(agent.Ownership.Functions);
            Assert.Empty(agent.Ownership.PhysicalFunctions);
            Assert.Empty(agent.Ownership.Attributes);
            Assert.Equal(
                [],
                TreeSnapshot.Diff(_before, TreeSnapshot.TakeHostState(_node.Kernel.Paths)).Prepend($"killed at moment {killAt}").Skip(1)
            );
            Records = agent.Records;
            Directory.Delete(directory, recursive: true);
            return agent.Moments;
        }

        public void CheckWholeTree() => Assert.Empty(TreeSnapshot.Diff(_wholeBefore, _node.Snapshot()));

        public void Dispose() => _node.Dispose();

        private void CheckUp()
        {
            Assert.Equal(("100", "100", "0"), (Vf("vf 0 vlan"), Vf("vf 1 vlan"), Vf("vf 2 vlan")));
            Assert.NotEqual(Vf("vf 0 mac"), Vf("vf 1 mac"));
            Assert.All(Desired.Offers.SelectMany(o => o.Primaries), a => Assert.Equal("vfio-pci", _node.Kernel.DriverOf(a)));
            Assert.All(Desired.HostVfs, a => Assert.Equal("igbvf", _node.Kernel.DriverOf(a)));
            Assert.Equal(("1", "0", "auto"), (Nic("00.0/sriov_drivers_autoprobe"), Nic("00.0/d3cold_allowed"), Nic("00.0/power/control")));
            Assert.Equal(
                "1 1 1 0 1",
                string.Join(' ', new[] { "0.0", "0.2", "0.4", "0.6", "1.0" }.Select(vf => Nic($"1{vf}/d3cold_allowed")))
            );
        }

        private string? Vf(string setting) => _node.Kernel.ReadVfs("0000:41:00.0").Settings.GetValueOrDefault(setting);

        private string Nic(string file) => File.ReadAllText(_node.Kernel.Paths.Resolve($"/sys/bus/pci/devices/0000:41:{file}")).Trim();

        private void CheckChanged()
        {
            Assert.Equal(("200", "off", "00:00:00:00:00:00"), (Vf("vf 0 vlan"), Vf("vf 0 spoofchk"), Vf("vf 0 mac")));
            Assert.All(
                (string[])["0000:41:10.0", "0000:43:00.0", "0000:45:00.1", "0000:86:00.0"],
                a => Assert.Equal("vfio-pci", _node.Kernel.DriverOf(a))
            );
            Assert.Equal("igbvf", _node.Kernel.DriverOf("0000:41:10.2"));
            Assert.Null(_node.Kernel.DriverOf("0000:41:10.4")); // there are two VFs now
            Assert.Equal("nvme", _node.Kernel.DriverOf("0000:44:00.0"));
            Assert.Null(_node.Kernel.GroupOf("0000:44:00.1"));
        }
    }
}
