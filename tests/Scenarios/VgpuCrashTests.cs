using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Types of vGPU are given, changed and taken back; at every moment of it the agent is killed once and started again. A type that somebody
/// else gave meanwhile is never touched.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class VgpuCrashTests
{
    private const string Card = "0000:41:00.0";
    private static readonly string[] s_functions = ["0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:41:10.6"];

    [Fact]
    public void Killed_at_any_moment_it_knows_which_types_are_its_own()
    {
        using var node = new SimulatedNode();
        node.LoadDriver("vgpu-standin");
        var card = $"/sys/bus/pci/devices/{Card}";
        node.Write(($"{card}/sriov_drivers_autoprobe", "0"), ($"{card}/sriov_numvfs", "4"));
        foreach (var function in s_functions)
            node.Write(($"/sys/bus/pci/devices/{function}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", function));
        node.Write(($"/sys/bus/pci/devices/{s_functions[1]}/nvidia/current_vgpu_type", "901"));

        var moments = Go(node, killAt: null);
        Assert.True(moments >= 20, $"there are {moments} moments");
        for (long moment = 1; moment <= moments; moment++)
            Go(node, moment);
    }

    private static long Go(SimulatedNode node, long? killAt)
    {
        var directory = Directory.CreateTempSubdirectory("hostdev-crash-").FullName;
        using var agent = new SteppedAgent(node.Machine, new StillClock(), directory);
        agent.Start();
        if (killAt is { } moment)
            agent.KillAt(moment);
        foreach (
            var (desired, types) in (ReadOnlySpan<(string, string[])>)
                [(Of("901", 2), ["0", "901", "901"]), (Of("902", 1), ["0", "0", "902"]), (Desired.Nothing, ["0", "0", "0"])]
        )
        {
            agent.Desire(desired);
            while (!agent.Settle())
                agent.Start(); // what was desired is on disk: nobody says it again
            var now = Types(node).ToList();
            Assert.Equal((killAt, "901"), (killAt, now[1])); // somebody else's
            now.RemoveAt(1);
            Assert.Equal([$"killed at moment {killAt}", .. types], [$"killed at moment {killAt}", .. now.Order(StringComparer.Ordinal)]);
        }

        Assert.Empty(agent.Ownership.Vgpus);
        Directory.Delete(directory, recursive: true);
        return agent.Moments;
    }

    private static string Of(string type, int count) =>
        Desired.Policies(Desired.Vgpus("vgpu", Card, $"typeId: \"{type}\"", $"mode: Static, count: {count}"));

    private static IEnumerable<string> Types(SimulatedNode node) =>
        s_functions.Select(f => File.ReadAllText(node.Kernel.Paths.Resolve($"/sys/bus/pci/devices/{f}/nvidia/current_vgpu_type")).Trim());
}
