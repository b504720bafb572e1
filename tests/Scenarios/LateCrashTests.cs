using System.Collections.Immutable;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What is there only for pods is brought about, given, and goes back; at every moment of it, before and after each record of the journal
/// and after each write, the agent is killed once and started again. With HOSTDEV_FAST=1 every <see cref="Stride"/>th is tried.
/// </summary>
public sealed class LateCrashTests
{
    private const int Parts = 4;
    private const string Port = "0000:45:00.0";

    private static readonly string s_policies = Desired.Policies(
        Desired.HostDevice("dual", Port, "binding: OnAllocate", ", groupPolicy: AssignSiblings"),
        Desired.Vfs(2, more: "priority: 1").Replace("resourceName:", "binding: OnAllocate, resourceName:", StringComparison.Ordinal),
        Desired.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 2"),
        Desired.Mdevs("double", "mtty", "mtty-2", "mode: OnDemand, max: 2")
    );

    private static readonly ImmutableArray<string> s_given = [Port, "0000:45:00.1", "0000:81:10.0", "0000:81:10.2"];

    private static int Stride => Amount.Of(1, fast: 11);

    public static TheoryData<int> AllParts => [.. Enumerable.Range(1, Parts)];

    /// <param name="part">The moments are dealt out to so many cases, so that they run side by side.</param>
    [Theory]
    [MemberData(nameof(AllParts))]
    public void Killed_at_any_moment_of_an_answer_or_a_return_it_goes_on_and_nothing_is_left(int part)
    {
        using var node = new SimulatedNode();
        var clock = new StillClock();
        var before = TreeSnapshot.TakeHostState(node.Kernel.Paths);
        var moments = Go(node, clock, before, killAt: null);
        Assert.True(moments >= 80, $"there are {moments} moments: it is not the big scenario any more");
        var tried = 0;
        for (long moment = part; moment <= moments; moment += Parts * Stride)
        {
            Go(node, clock, before, moment);
            tried++;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{tried} of {moments} moments");
    }

    /// <returns>How many moments there were.</returns>
    private static long Go(SimulatedNode node, StillClock clock, TreeSnapshot before, long? killAt)
    {
        var directory = Directory.CreateTempSubdirectory("hostdev-crash-").FullName;
        using var agent = new SteppedAgent(node.Kernel, clock, directory);
        var kubelet = new SteppedKubelet(agent, clock);
        agent.Start();
        if (killAt is { } moment)
            agent.KillAt(moment);
        try
        {
            agent.Desire(s_policies);
            Settle(agent, kubelet);
            Check("nothing is given", node, "host", 2);
            foreach (var (resource, count) in (ReadOnlySpan<(string, int)>)[("dual", 1), ("vf", 2), ("single", 1), ("double", 2)])
                Admit(agent, kubelet, $"example.com/{resource}", count);
            Settle(agent, kubelet);
            Check("all is given", node, "vm", 4);

            foreach (var pod in kubelet.Pods.ToList())
                kubelet.Delete(pod);
            for (var look = 0; look < 3; look++)
            {
                Settle(agent, kubelet);
                clock.Advance(TimeSpan.FromSeconds(70));
                kubelet.ReportPods();
            }

            Settle(agent, kubelet);
            Assert.Empty(agent.Host.Allocator.Ledger.ById);
            Check("the pods are gone", node, "host", 2);
            agent.Desire(Desired.Nothing);
            Settle(agent, kubelet);
            Assert.Empty(agent.Ownership.Functions);
            Assert.Empty(agent.Ownership.Mdevs);
            Assert.Empty(TreeSnapshot.Diff(before, TreeSnapshot.TakeHostState(node.Kernel.Paths)));
        }
        catch (Exception e) when (killAt is not null)
        {
            throw new InvalidOperationException($"killed at moment {killAt}, {agent.LastMoment}: {e.Message}", e);
        }

        var moments = agent.Moments;
        Directory.Delete(directory, recursive: true);
        return moments;
    }

    /// <summary>Until nothing changes and the kubelet has the lists; an agent that was killed starts again.</summary>
    private static void Settle(SteppedAgent agent, SteppedKubelet kubelet)
    {
        do
        {
            if (!agent.IsRunning)
            {
                kubelet.AgentGone();
                agent.Start();
            }

            kubelet.ReportPods();
        } while (!agent.Settle());
        kubelet.SendLists();
        kubelet.Check();
    }

    /// <summary>As a controller does: a pod that is refused, or whose agent died, is made again.</summary>
    private static void Admit(SteppedAgent agent, SteppedKubelet kubelet, string resource, int count)
    {
        var cause = "";
        for (var attempt = 0; attempt < 4; attempt++)
        {
            (var pod, cause) = kubelet.Admit($"vm-{resource.Split('/')[1]}-{attempt}", resource, count);
            if (pod is not null)
                return;
            Settle(agent, kubelet);
        }

        Assert.Fail($"no pod gets {count} of {resource}: {cause}");
    }

    private static void Check(string when, SimulatedNode node, string whose, int mdevs)
    {
        var drivers = s_given.Select(f => node.Kernel.DriverOf(f)).ToList();
        var wanted =
            whose == "vm"
                ? (ImmutableArray<string>)["vfio-pci", "vfio-pci", "vfio-pci", "vfio-pci"]
                : ["e1000e", "e1000e", "igbvf", "igbvf"];
        Assert.True(drivers.SequenceEqual(wanted), $"{when}: the drivers are {string.Join(", ", drivers)}");
        var there = Directory.EnumerateFileSystemEntries(node.Kernel.Paths.Resolve("/sys/bus/mdev/devices")).Count();
        Assert.True(there == mdevs, $"{when}: there are {there} mediated devices and not {mdevs}");
    }
}
