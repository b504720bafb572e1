using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Commands;
using Hostdev.DevicePlugin.Following;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Commands;

/// <summary>What plan prints is what the agent does: it is given the same of what the agent remembers.</summary>
public sealed class PlanCommandTests : IDisposable
{
    private const string First = "0000:11:00.0";
    private const string Second = "0000:12:00.0";

    private readonly SimulatedKernel _kernel = new(DemoMachines.GpuNode);
    private readonly string _directory = Directory.CreateTempSubdirectory("plan-").FullName;

    private string BootId => File.ReadAllText(_kernel.Paths.Resolve("/proc/sys/kernel/random/boot_id")).Trim();

    public void Dispose()
    {
        _kernel.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Without_a_file_it_is_for_what_the_agent_follows()
    {
        Assert.Equal(
            $"{_directory} has no desired state: no agent has read one there; name a file with --desired",
            Assert.Throws<FormatException>(() => Look(null)).Message
        );
        new DesiredState(_directory).Offer("a file", Policies(First));
        Assert.Equal([First], Look(null).UnitIds());
        Assert.Equal([First, Second], Look(Policies(First, Second)).UnitIds());
    }

    [Fact]
    public void After_a_boot_what_was_in_force_is_restored_alone_until_the_source_has_spoken()
    {
        new DesiredState(_directory).Offer("a file", Policies(First, Second));
        using (var journal = Journal.Open(_directory, "the boot before"))
        {
            journal.Append(new JournalRecord.RecordFunction(PciAddress.Parse(First), "nvidia", null, "uid-gpus"));
            journal.Append(new JournalRecord.RecordFunction(PciAddress.Parse("0000:11:00.1"), "snd_hda_intel", null, "uid-gpus"));
        }

        var plan = Look(null);
        Assert.Equal([First], plan.UnitIds());
        Assert.Contains(plan.Findings, f => f.Device == Second && f.Reason == Reasons.Unconfirmed);
        Assert.Equal([First, Second], Look(Policies(First, Second)).UnitIds());
    }

    [Fact]
    public void What_the_agent_does_not_try_now_is_not_in_it_until_it_is_due()
    {
        var setback = new PendingSetback(
            Purpose.Take(PciAddress.Parse(First)),
            new Setback(Reasons.StepFailed, "it did not bind"),
            TimeProvider.System.GetUtcNow().AddMinutes(5)
        );
        new DesiredState(_directory).Offer("a file", Policies(First));
        new SetbackFile(_directory, BootId).Keep([setback]);
        Assert.Equal([First, Second], Look(Policies(First, Second)).UnitIds()); // what changed is tried anew
        var plan = Look(Policies(First));
        Assert.Empty(plan.Units);
        Assert.Contains(plan.Findings, f => f.Device == First && f.Reason == Reasons.StepFailed && f.Message == "it did not bind");
        new SetbackFile(_directory, BootId).Keep([setback with { Due = TimeProvider.System.GetUtcNow() }]);
        Assert.Equal([First], Look(Policies(First)).UnitIds());
        new SetbackFile(_directory, "the boot before").Keep([setback]);
        Assert.Equal([First], Look(Policies(First)).UnitIds());
        File.WriteAllText(Path.Combine(_directory, SetbackFile.FileName), "{");
        Assert.Equal([First], Look(Policies(First)).UnitIds());
    }

    /// <summary>Nothing is decided by the file.</summary>
    [Fact]
    public void Where_the_file_cannot_be_written_the_agent_goes_on()
    {
        var pending = new PendingSetback(
            Purpose.Take(PciAddress.Parse(First)),
            new Setback(Reasons.StepFailed, "it did not bind"),
            TimeProvider.System.GetUtcNow().AddMinutes(5)
        );
        var file = new SetbackFile(Path.Combine(_directory, "gone"), BootId);
        file.Keep([pending]);
        Assert.Empty(file.Read(TimeProvider.System.GetUtcNow()));
        Directory.CreateDirectory(Path.Combine(_directory, "gone"));
        file.Keep([pending]);
        Assert.Equal([pending.Purpose], file.Read(TimeProvider.System.GetUtcNow()).Keys);
    }

    [Fact]
    public void Of_an_entry_that_is_not_understood_the_last_version_that_was_stays_in_it()
    {
        new DesiredState(_directory).Offer("a file", Policies(First));
        Assert.Equal([First], Look(Policies(First).Replace("devices:", "quantum: true\n    devices:", StringComparison.Ordinal)).UnitIds());
    }

    private static string Policies(params string[] addresses) =>
        $$"""
            policies:
            - kind: HostDevice
              name: gpus
              uid: uid-gpus
              spec:
                resourceName: example.com/gpus
                nodeSelector: {}
                devices:
                  pci:
                    groupPolicy: HoldSiblings
                    selectors: [{addresses: [{{string.Join(", ", addresses.Select(a => $"\"{a}\""))}}]}]
            """;

    private Plan Look(string? desired)
    {
        var file = desired is null ? null : Path.Combine(_directory, "named.yaml");
        if (file is not null)
            File.WriteAllText(file, desired);
        var machine = new AgentMachine(_kernel.Paths, _kernel.Calls, _kernel.OpenUevents);
        return Planner.Plan(PlanCommand.Look(file, _directory, machine, TimeProvider.System).Input);
    }
}
