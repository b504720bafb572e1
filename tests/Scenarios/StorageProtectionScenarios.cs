using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>A disk that the host uses in whatever way stays with it, nothing is written, and the status says who uses it.</summary>
public abstract class StorageProtectionScenarios
{
    private const string Disk = "0000:84:00.0";

    private protected abstract IScenarioNode NewNode();

    [Theory]
    [InlineData("0000:44:00.0", DiskUse.Mount)]
    [InlineData("0000:44:00.0", DiskUse.MountedPartition)]
    [InlineData("0000:44:00.0", DiskUse.DeviceMapper)]
    [InlineData("0000:44:00.0", DiskUse.Md)]
    [InlineData("0000:44:00.0", DiskUse.Swap)]
    [InlineData("0000:44:00.0", DiskUse.MountInOtherNamespace)]
    [InlineData("0000:84:00.0", DiskUse.Mount)]
    [InlineData("0000:84:00.0", DiskUse.MountedPartition)]
    [InlineData("0000:84:00.0", DiskUse.DeviceMapper)]
    [InlineData("0000:84:00.0", DiskUse.DeviceMapperOnPartition)]
    [InlineData("0000:84:00.0", DiskUse.Md)]
    [InlineData("0000:84:00.0", DiskUse.Swap)]
    [InlineData("0000:84:00.0", DiskUse.SwapOnPartition)]
    [InlineData("0000:84:00.0", DiskUse.MountInOtherNamespace)]
    [InlineData("0000:84:00.0", DiskUse.Loop)]
    public async Task What_the_host_keeps_on_a_disk_protects_it_until_it_is_gone(string address, DiskUse use)
    {
        var node = NewNode();
        var user = node.UseDisk(address, use);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("disk", address)));
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.Protected);
        Assert.StartsWith($"{address} is in use: {user.Words}", bench.Problem("disk").Message, StringComparison.Ordinal);
        Assert.EndsWith(
            ": the host needs it; free it, or list Storage in allowProtected together with the address",
            bench.Problem("disk").Message,
            StringComparison.Ordinal
        );
        AssertUntouched(bench, address);

        user.Dispose();
        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(address));
    }

    [Theory]
    [InlineData(DiskUse.Open)]
    [InlineData(DiskUse.OpenByOtherName)]
    [InlineData(DiskUse.OpenController)]
    public async Task A_process_that_has_a_disk_open_is_waited_for_also_where_Storage_is_overridden(DiskUse use)
    {
        var node = NewNode();
        var user = node.UseDisk(Disk, use);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("disk", Disk, "allowProtected: [Storage]"))
        );
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.InUse);
        Assert.Equal($"{Disk} is in use: {user.Words}: it is taken as soon as nobody uses it", bench.Problem("disk").Message);
        AssertUntouched(bench, Disk);

        user.Dispose();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Disk));
    }

    [Fact]
    public async Task A_disk_that_is_busy_without_a_name_is_refused_before_any_write_and_taken_when_it_is_let_go()
    {
        var node = NewNode();
        var user = node.UseDisk(Disk, DiskUse.Nameless);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("disk", Disk)));
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.InUse);
        Assert.Contains(user.Words, bench.Problem("disk").Message, StringComparison.Ordinal);
        Assert.Contains(
            "free it, or list Storage in allowProtected together with the address",
            bench.Problem("disk").Message,
            StringComparison.Ordinal
        );
        AssertUntouched(bench, Disk);

        user.Dispose();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Disk));
    }

    [Fact]
    public async Task A_mount_attempted_between_the_proof_and_the_unbind_fails_and_the_unbind_goes_through()
    {
        var node = NewNode();
        node.MountDisk(Disk, "/mnt/hostdev-data").Dispose(); // leaves a file system that could be mounted
        var calls = new Interference(node, Disk) { BeforeUnbind = true };
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("disk", Disk)),
            node.Machine with
            {
                Calls = calls,
            }
        );
        await bench.ReadyAsync();
        Assert.True(calls.Tried);
        Assert.NotNull(calls.MountError);
        Assert.Matches("busy|EBUSY", calls.MountError);
        Assert.Equal("vfio-pci", bench.Driver(Disk));
        Assert.DoesNotContain(
            "/mnt/hostdev-data",
            File.ReadAllText(node.Machine.Paths.Resolve("/proc/1/mountinfo")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_mount_made_after_planning_looked_is_met_by_the_proof_before_any_write()
    {
        var node = NewNode();
        node.MountDisk(Disk, "/mnt/hostdev-data").Dispose();
        var calls = new Interference(node, Disk) { BeforeProof = true };
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("disk", Disk)),
            node.Machine with
            {
                Calls = calls,
            }
        );
        await bench.UntilAsync(() =>
            bench.Problem("disk").Message.Contains($"{calls.Disk} is mounted at /mnt/hostdev-data", StringComparison.Ordinal)
        );
        Assert.True(calls.Tried);
        Assert.Null(calls.MountError);
        AssertUntouched(bench, Disk);
        node.Unmount("/mnt/hostdev-data");
    }

    [Fact]
    public async Task A_mount_made_between_two_writes_stops_the_unbind_and_what_was_written_is_taken_back()
    {
        var node = NewNode();
        node.MountDisk(Disk, "/mnt/hostdev-data").Dispose();
        var calls = new Interference(node, Disk) { BeforeOverride = true };
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("disk", Disk)),
            node.Machine with
            {
                Calls = calls,
            }
        );
        await bench.UntilAsync(() =>
            bench.Problem("disk").Message.Contains($"{calls.Disk} is mounted at /mnt/hostdev-data", StringComparison.Ordinal)
        );
        Assert.True(calls.Tried);
        Assert.Null(calls.MountError);
        await bench.UntilAsync(() =>
            bench.Problem("disk").Reason == Reasons.Protected && bench.Read($"/sys/bus/pci/devices/{Disk}/driver_override") == "(null)"
        );
        Assert.Equal("nvme", bench.Driver(Disk));
        Assert.True(bench.Host.Journal.State.Ownership.Functions.IsEmpty);
        node.Unmount("/mnt/hostdev-data");
    }

    private static void AssertUntouched(ScenarioBench bench, string address)
    {
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal("nvme", bench.Driver(address));
        Assert.Equal("(null)", bench.Read($"/sys/bus/pci/devices/{address}/driver_override"));
    }

    /// <summary>An admin who mounts a disk at the worst moment.</summary>
    private sealed class Interference(IScenarioNode node, string address) : DecoratedCalls(node.Machine.Calls)
    {
        private bool _tried;

        public string Disk { get; } = ScenarioNodes.DiskOf(node.Machine.Paths, address);

        public bool BeforeProof { get; init; }

        public bool BeforeOverride { get; init; }

        public bool BeforeUnbind { get; init; }

        public bool Tried => Volatile.Read(ref _tried);

        public string? MountError { get; private set; }

        public override OpenResult Open(string path, OpenIntent intent)
        {
            if (BeforeProof && intent == OpenIntent.WholeDisk)
                TryMount();
            return base.Open(path, intent);
        }

        public override Errno WriteAttribute(string path, string value)
        {
            if (
                (BeforeOverride && path.EndsWith($"{address}/driver_override", StringComparison.Ordinal))
                || (BeforeUnbind && path == "/sys/bus/pci/drivers/nvme/unbind")
            )
                TryMount();
            return base.WriteAttribute(path, value);
        }

        private void TryMount()
        {
            if (_tried)
                return;
            MountError = node.TryMount(Disk, "/mnt/hostdev-data");
            Volatile.Write(ref _tried, true);
        }
    }
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedStorageProtectionScenarios : StorageProtectionScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealStorageProtectionScenarios : StorageProtectionScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
