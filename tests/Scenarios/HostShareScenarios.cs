using Hostdev.Crds.Words;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// File systems that a hypervisor shares with the host have no block device. A node whose mounted share was taken could not even be powered
/// off any more: it stays with the host, and nothing is written.
/// </summary>
public abstract class HostShareScenarios
{
    private const string Share = "0000:00:04.0";

    private protected abstract IScenarioNode NewNode();

    [Theory]
    [InlineData(Share, "labio (9p) is mounted at /labio")]
    [InlineData("0000:00:02.0", "labroot (9p) may be mounted where no process shows it")] // the host's root is an overlay on it
    public async Task Case_06_nvme_over_fc_root_a_share_without_a_block_device_is_protected_too(string address, string words)
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Policies(Desired.HostDevice("share", address)));
        await bench.UntilAsync(() => bench.Problem("share").Reason == Reasons.Protected);
        Assert.Equal(
            $"{address} is in use: {words}: the host needs it; free it, or list Storage in allowProtected together with the address",
            bench.Problem("share").Message
        );
        AssertUntouched(bench, address);
    }

    [Fact]
    public async Task A_mounted_share_is_waited_for_where_Storage_is_overridden_because_the_kernel_would_wait_in_the_write()
    {
        await using var bench = await ScenarioBench.StartAsync(
            NewNode(),
            Desired.Policies(Desired.HostDevice("share", Share, "allowProtected: [Storage]\n    acceptRisks: [NoReset]"))
        );
        await bench.UntilAsync(() => bench.Problem("share").Reason == Reasons.InUse);
        Assert.Equal(
            $"{Share} is in use: the kernel lets labio (9p) go only when it is unmounted: it is taken as soon as nobody uses it",
            bench.Problem("share").Message
        );
        AssertUntouched(bench, Share);
    }

    private static void AssertUntouched(ScenarioBench bench, string address)
    {
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal("virtio-pci", bench.Driver(address));
        Assert.Equal("(null)", bench.Read($"/sys/bus/pci/devices/{address}/driver_override"));
    }
}

public sealed class SimulatedHostShareScenarios : HostShareScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealHostShareScenarios : HostShareScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
